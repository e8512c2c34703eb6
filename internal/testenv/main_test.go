package testenv

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

// failing stands in for a test that is expected to fail.
type failing struct {
	testing.TB

	message string
}

func (f *failing) Helper() {}

func (f *failing) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }

func (f *failing) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	panic(f)
}

// failure returns what a function says when it fails its test.
func failure(t *testing.T, run func(testing.TB)) (message string) {
	t.Helper()
	f := &failing{TB: t}
	defer func() {
		if r := recover(); r != nil && r != any(f) {
			panic(r)
		}
		message = f.message
	}()
	run(f)
	return ""
}

func TestLifetime(t *testing.T) {
	var l lifetime
	if got := failure(t, l.require); !strings.Contains(got, "testenv.Main") {
		t.Errorf("without Main a test must fail: %q", got)
	}
	var stopped []int
	broken := errors.New("it does not stop")
	code, err := l.run(func() int {
		if got := failure(t, l.require); got != "" {
			t.Errorf("within Main a test fails: %q", got)
		}
		for i := range 3 {
			l.atEnd(func() error {
				stopped = append(stopped, i)
				if i == 1 {
					return broken
				}
				return nil
			})
		}
		return 7
	})
	if code != 7 || !errors.Is(err, broken) {
		t.Errorf("got %d, %v", code, err)
	}
	if !slices.Equal(stopped, []int{2, 1, 0}) {
		t.Errorf("stopped in the order %v", stopped)
	}
	if got := failure(t, l.require); got == "" {
		t.Error("after the end nothing may be started any more")
	}
}

func TestSharedFailsEveryTestWithTheReason(t *testing.T) {
	var s shared[int]
	tries := 0
	for range 2 {
		got := failure(t, func(tb testing.TB) {
			s.get(tb, "the thing is not available", func() (int, error) { tries++; return 0, errors.New("no disk") })
		})
		if got != "testenv: the thing is not available: no disk" {
			t.Errorf("unexpected %q", got)
		}
	}
	if tries != 1 {
		t.Errorf("it was tried %d times", tries)
	}
}
