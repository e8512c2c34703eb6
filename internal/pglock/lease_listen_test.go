package pglock

import "testing"

// The connection is gone when nobody has waited for a while, and nobody may count on it.
func TestListenerAtRestHearsNothing(t *testing.T) {
	stopped := false
	l := &listener{waiting: map[int64]waiter{}, hearing: true, stop: func() { stopped = true }}
	l.rest()
	if !stopped || l.hears() {
		t.Errorf("stopped %t, hears %t", stopped, l.hears())
	}
}
