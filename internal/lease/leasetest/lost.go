package leasetest

import (
	"errors"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tcpproxy"
)

// BreakOverLostAnswer breaks a lock through a proxy that cuts off the request which removes it, the
// given turn of Break, before or after the server has it. Others do something with the lock before
// Break can ask again: it knows all the same whether it was its own call that removed what was seen.
func BreakOverLostAnswer(t *testing.T, cut, direct lease.Store, proxy *tcpproxy.Proxy, turn int) {
	before, after := (*tcpproxy.Proxy).CutBefore, (*tcpproxy.Proxy).CutAfter
	nothing := func(*testing.T, lease.Grant, lease.Held) *lease.Grant { return nil }
	another := func(t *testing.T, _ lease.Grant, _ lease.Held) *lease.Grant {
		grant := take(t, direct, request(t, "bert"))
		return &grant
	}
	for what, c := range map[string]lostBreak{
		"broken, and nobody has it":  {after, nothing, nil},
		"broken, and another has it": {after, another, nil},
		"broken, and another had it": {after, func(t *testing.T, _ lease.Grant, _ lease.Held) *lease.Grant {
			release(t, direct, take(t, direct, request(t, "bert")))
			return nil
		}, nil},
		"not arrived": {before, nothing, nil},
		"given back": {before, func(t *testing.T, held lease.Grant, _ lease.Held) *lease.Grant {
			release(t, direct, held)
			return nil
		}, lease.ErrChanged},
		"given back, and another has it": {before, func(t *testing.T, held lease.Grant, seen lease.Held) *lease.Grant {
			release(t, direct, held)
			return another(t, held, seen)
		}, lease.ErrChanged},
		"broken by another": {before, func(t *testing.T, _ lease.Grant, seen lease.Held) *lease.Grant {
			if err := direct.Break(t.Context(), seen, true); err != nil {
				t.Error(err)
			}
			return nil
		}, lease.ErrChanged},
	} {
		t.Run(what, func(t *testing.T) { c.run(t, cut, direct, proxy, turn) })
	}
}

// lostBreak is a break whose request is lost, what others do before it asks again, and what Break
// says of it then.
type lostBreak struct {
	lose func(*tcpproxy.Proxy, int)
	// meanwhile returns what is held then.
	meanwhile func(*testing.T, lease.Grant, lease.Held) *lease.Grant
	want      error
}

func (b lostBreak) run(t *testing.T, cut, direct lease.Store, proxy *tcpproxy.Proxy, turn int) {
	if _, err := cut.List(t.Context()); err != nil { // so that it is connected
		t.Fatal(err)
	}
	held := take(t, direct, request(t, "anna"))
	seen := find(t, direct, name(t))
	proxy.Reset()
	b.lose(proxy, turn)
	proxy.StallAt(turn + 1)
	done := make(chan error, 1)
	go func() { done <- cut.Break(t.Context(), *seen, true) }()
	until(t, "it asks again", func() bool { return proxy.Turns() > turn })
	other := b.meanwhile(t, held, *seen)
	proxy.Resume()
	if err := Receive(t, done, "Break ends"); !errors.Is(err, b.want) {
		t.Errorf("got %v, want %v", err, b.want)
	}
	proxy.Reset()
	if other != nil {
		release(t, direct, *other) // it was spared
	}
	if now := find(t, direct, name(t)); now != nil {
		t.Errorf("it is still held: %+v", now)
	}
}
