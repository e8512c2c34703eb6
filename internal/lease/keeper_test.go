package lease

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

// script is a store that answers renewals as it is told. What real ones do is tested where they are.
type script struct {
	Store

	mu       sync.Mutex
	answer   func(ctx context.Context, g Grant) (Grant, error)
	renewals []time.Time
	released []Grant
}

func (s *script) Renew(ctx context.Context, g Grant) (Grant, error) {
	s.mu.Lock()
	answer := s.answer
	s.renewals = append(s.renewals, time.Now())
	s.mu.Unlock()
	return answer(ctx, g)
}

func (s *script) Release(_ context.Context, g Grant) error {
	s.released = append(s.released, g)
	return nil
}

func (s *script) say(answer func(ctx context.Context, g Grant) (Grant, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.renewals)
}

func yes(_ context.Context, g Grant) (Grant, error) {
	g.Sent = time.Now()
	return g, nil
}

var errDown = errors.New("the database is down")

func no(context.Context, Grant) (Grant, error) { return Grant{}, errDown }

func silent(ctx context.Context, _ Grant) (Grant, error) {
	<-ctx.Done()
	return Grant{}, ctx.Err()
}

func gone(_ context.Context, g Grant) (Grant, error) {
	return Grant{}, &LostError{Name: g.Name, Fence: g.Fence, Now: &Held{Info: Info{Who: "bert"}}}
}

// kept runs a keeper of a lease of 30 s on a clock that runs as fast as nothing happens.
func kept(t *testing.T, run func(s *script, k *Keeper, events func() []Event)) {
	synctest.Test(t, func(*testing.T) {
		s := &script{answer: yes}
		var mu sync.Mutex
		var seen []Event
		k := Keep(s, Grant{Name: "dev", Fence: 7, Duration: 30 * time.Second, Sent: time.Now()}, KeepOptions{OnEvent: func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, e)
		}})
		run(s, k, func() []Event {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return seen
		})
		k.Stop()
	})
}

func TestKeeperRenews(t *testing.T) {
	kept(t, func(s *script, k *Keeper, events func() []Event) {
		time.Sleep(5 * time.Minute)
		if n := s.count(); n < 29 || n > 40 { // every 8 to 10 s
			t.Errorf("%d renewals in five minutes", n)
		}
		if !k.Valid() || k.Err() != nil || len(events()) > 0 {
			t.Errorf("valid %v, error %v, events %v", k.Valid(), k.Err(), events())
		}
		if err := k.Release(t.Context()); err != nil || len(s.released) != 1 || s.released[0].Fence != 7 {
			t.Errorf("released %+v: %v", s.released, err)
		}
		n := s.count()
		time.Sleep(time.Minute)
		if s.count() != n {
			t.Error("it renews after the release")
		}
	})
}

// A database that is away for less than the lease is doubt, and nothing more.
func TestKeeperSurvivesAnOutage(t *testing.T) {
	for name, outage := range map[string]func(context.Context, Grant) (Grant, error){"refuses": no, "is silent": func(ctx context.Context, g Grant) (Grant, error) {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		return silent(ctx, g)
	}} {
		t.Run(name, func(t *testing.T) {
			kept(t, func(s *script, k *Keeper, events func() []Event) {
				time.Sleep(time.Minute)
				s.say(outage)
				time.Sleep(18 * time.Second) // of at least 20 s that are left
				if !k.Valid() {
					t.Error("the lease still lasts")
				}
				s.say(yes)
				time.Sleep(10 * time.Second)
				got := events()
				if len(got) != 2 || got[0].Certainty != Doubtful || got[0].Err == nil || got[1].Certainty != Certain || got[1].Err != nil || !k.Valid() {
					t.Errorf("events %+v, valid %v", got, k.Valid())
				}
			})
		})
	}
}

func TestKeeperLoses(t *testing.T) {
	tests := map[string]struct {
		answer func(context.Context, Grant) (Grant, error)
		reason string
		early  bool
	}{
		"taken":     {answer: gone, reason: "bert", early: true},
		"down":      {answer: no, reason: errDown.Error()},
		"no answer": {answer: silent, reason: "deadline"},
		"no answer, deaf": {answer: func(context.Context, Grant) (Grant, error) {
			time.Sleep(time.Hour)
			return Grant{}, errDown
		}, reason: "deadline"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			kept(t, func(s *script, k *Keeper, events func() []Event) {
				s.say(tc.answer)
				deadline := k.Grant().Deadline()
				<-k.Lost()
				over := time.Since(deadline)
				if (over < 0) != tc.early || over > time.Second {
					t.Errorf("lost %s after the deadline", over)
				}
				got := events()
				last := got[len(got)-1]
				if last.Certainty != Lost || !errors.Is(last.Err, ErrLost) || !strings.Contains(last.Err.Error(), tc.reason) || !errors.Is(k.Err(), ErrLost) || k.Valid() {
					t.Errorf("events %+v, error %v, valid %v", got, k.Err(), k.Valid())
				}
				if !tc.early && got[0].Certainty != Doubtful {
					t.Errorf("no doubt before: %+v", got)
				}
				n := s.count()
				time.Sleep(time.Hour)
				if s.count() != n {
					t.Error("it renews what is lost")
				}
			})
		})
	}
}

// A process that did not run for longer than the lease asks before it gives up: nobody may have
// wanted the lock.
func TestKeeperAfterAPause(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(context.Context, Grant) (Grant, error)
		lost   bool
	}{"still there": {answer: yes}, "taken": {answer: gone, lost: true}, "no answer": {answer: silent, lost: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answer: tc.answer}
				k := Keep(s, Grant{Name: "dev", Duration: 30 * time.Second, Sent: time.Now().Add(-time.Minute)}, KeepOptions{})
				if k.Valid() {
					t.Error("valid after its deadline")
				}
				time.Sleep(grace + time.Second)
				if k.Valid() == tc.lost || (k.Err() != nil) != tc.lost {
					t.Errorf("valid %v, error %v", k.Valid(), k.Err())
				}
				k.Stop()
			})
		})
	}
}

// standstill is a time as it was read that long before the machine woke up: the wall clock went on since
// then, and the monotonic one did not.
func standstill(now time.Time, slept time.Duration) time.Time {
	type both struct { // time.Time, whose parts nothing sets apart
		wall uint64
		ext  int64
		loc  *time.Location
	}
	now = now.Add(-slept)
	(*both)(unsafe.Pointer(&now)).ext += int64(slept) // #nosec G103 -- the monotonic part
	return now
}

func TestStandstill(t *testing.T) {
	now := time.Now()
	before := standstill(now, time.Hour)
	if now.Sub(before) != 0 || now.Round(0).Sub(before.Round(0)) != time.Hour {
		t.Errorf("%s is %s and %s before", before, now.Sub(before), now.Round(0).Sub(before.Round(0)))
	}
}

// The machine slept for longer than the lease, which the monotonic clock does not tell: the lease is not
// taken to last, and is lost in a moment unless the store says otherwise.
func TestKeeperAfterASleep(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(context.Context, Grant) (Grant, error)
		lost   bool
	}{"still there": {answer: yes}, "taken": {answer: gone, lost: true}, "down": {answer: no, lost: true}, "no answer": {answer: silent, lost: true}} {
		for when, renewing := range map[string]bool{"before a renewal": false, "during a renewal": true} {
			t.Run(name+", "+when, func(t *testing.T) {
				kept(t, func(s *script, k *Keeper, _ func() []Event) {
					if renewing {
						s.say(silent)
						time.Sleep(11 * time.Second)
						s.say(func(ctx context.Context, g Grant) (Grant, error) { // the connection it had is dead
							return tc.answer(ctx, g)
						})
					} else {
						s.say(tc.answer)
					}
					k.mu.Lock()
					k.wall = k.wall.Add(-time.Hour)
					k.mu.Unlock()
					if k.Valid() {
						t.Error("valid after an hour")
					}
					time.Sleep(grace + 2*time.Second)
					if !renewing && k.Valid() == tc.lost || (k.Err() != nil) != (tc.lost || renewing) {
						t.Errorf("valid %v, error %v", k.Valid(), k.Err())
					}
				})
			})
		}
	}
}

// The machine slept between a question and its answer: what was granted is as old as the question.
func TestKeeperSleepsBeforeTheAnswer(t *testing.T) {
	asked := make(chan struct{}, 2)
	s := &script{}
	s.say(func(ctx context.Context, g Grant) (Grant, error) {
		asked <- struct{}{}
		if s.count() > 1 {
			return silent(ctx, g)
		}
		g.Sent = standstill(time.Now(), time.Hour)
		return g, nil
	})
	k := Keep(s, Grant{Name: "dev", Duration: time.Minute, Sent: standstill(time.Now(), time.Hour)}, KeepOptions{})
	if k.Valid() {
		t.Error("a lease of an hour ago is valid")
	}
	for range 2 {
		select {
		case <-asked:
		case <-time.After(30 * time.Second):
			t.Fatal("it does not renew what is over")
		}
	}
	if k.Valid() {
		t.Error("a renewal of an hour ago is valid")
	}
	k.Stop()
}
