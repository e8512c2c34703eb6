package toollock

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// everyKind runs a test on every kind of lock.
func everyKind(t *testing.T, run func(t *testing.T, w world)) {
	t.Helper()
	for name, setUp := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, setUp(t))
		})
	}
}

// one returns the only lock.
func one(t *testing.T) func([]Lock, error) Lock {
	t.Helper()
	return func(locks []Lock, err error) Lock {
		t.Helper()
		must(t, err)
		if len(locks) != 1 {
			t.Fatalf("got %d locks, want 1: %+v", len(locks), locks)
		}
		return locks[0]
	}
}

func none(t *testing.T) func([]Lock, error) {
	t.Helper()
	return func(locks []Lock, err error) {
		t.Helper()
		must(t, err)
		if len(locks) != 0 {
			t.Fatalf("got %+v, want no lock", locks)
		}
	}
}

func TestOneHolder(t *testing.T) {
	everyKind(t, func(t *testing.T, w world) {
		ctx := t.Context()
		none(t)(w.place().Inspect(ctx))
		grant, err := w.place().Acquire(ctx, info("state restore"))
		must(t, err)
		if grant.Lock.Info.ID == "" || grant.Lock.Kind != w.place().Kind() || grant.Lock.Place == "" || grant.Lock.Protects == "" {
			t.Errorf("the grant is %+v", grant.Lock)
		}

		_, err = w.place().Acquire(ctx, info("apply"))
		var held *HeldError
		if !errors.As(err, &held) || !errors.Is(err, lease.ErrHeld) {
			t.Fatalf("a second one gets it: %v", err)
		}
		for _, l := range append(held.Locks, one(t)(w.place().Inspect(ctx)), one(t)(w.list(ctx))) {
			who := "anna@laptop"
			if l.Kind == KindPG {
				who = "groundwork lock " + grant.Lock.Info.ID[:8] + " state restore anna@laptop"
			}
			if !strings.Contains(l.Holder(), who) || !strings.Contains(l.Holder(), "state restore") || l.Kind != grant.Lock.Kind ||
				time.Since(l.Since) > time.Hour || l.Leftover || l.Problem != "" {
				t.Errorf("the holder is shown as %+v", l)
			}
			if l.Kind != KindPG && l.ID() != grant.Lock.ID() {
				t.Errorf("the ID is %s, want %s", l.ID(), grant.Lock.ID())
			}
		}
		if !strings.Contains(err.Error(), "state restore") || !strings.Contains(err.Error(), held.Locks[0].Protects) {
			t.Errorf("the error does not say who and what: %v", err)
		}

		if w.other != nil {
			other, err := w.other.Acquire(ctx, info("apply"))
			must(t, err)
			must(t, other.Release(ctx))
		}
		must(t, grant.Release(ctx))
		none(t)(w.list(ctx))
		if left := w.left(t); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		again, err := w.place().Acquire(ctx, info("apply"))
		must(t, err)
		must(t, again.Release(ctx))
		if n := w.records(t); n != 0 {
			t.Errorf("%d records of broken locks, and none was broken", n)
		}
	})
}

func TestManyContend(t *testing.T) {
	everyKind(t, func(t *testing.T, w world) {
		const contenders, rounds = 8, 3
		for range rounds {
			var mu sync.Mutex
			var grants []*Grant
			var wg sync.WaitGroup
			for range contenders {
				place := w.place()
				wg.Go(func() {
					g, err := place.Acquire(t.Context(), info("apply"))
					if err != nil && !errors.Is(err, lease.ErrHeld) {
						t.Errorf("refused for another reason: %v", err)
					}
					if err == nil {
						mu.Lock()
						grants = append(grants, g)
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			// Contenders of Pulumi may all give way.
			if len(grants) > 1 || len(grants) == 0 && w.place().Kind() != KindPulumi {
				t.Fatalf("%d of %d hold the lock", len(grants), contenders)
			}
			for _, g := range grants {
				must(t, g.Release(t.Context()))
			}
			none(t)(w.list(t.Context()))
		}
		if left := w.left(t); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

func TestWaiting(t *testing.T) {
	everyKind(t, func(t *testing.T, w world) {
		grant, err := w.place().Acquire(t.Context(), info("state restore"))
		must(t, err)
		var shown []string
		show := func(l []Lock) { shown = append(shown, l[0].Holder()) }
		_, err = Acquire(t.Context(), w.place(), info("apply"), 300*time.Millisecond, show)
		var held *HeldError
		if !errors.As(err, &held) || held.Waited < 300*time.Millisecond || len(shown) != 1 || !strings.Contains(shown[0], "state restore") {
			t.Fatalf("got %v after showing %q", err, shown)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancelled := make(chan error, 1)
		go func() {
			_, err := Acquire(ctx, w.place(), info("apply"), time.Hour, func([]Lock) { cancel() })
			cancelled <- err
		}()
		select {
		case err := <-cancelled:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("a wait that is cancelled ends with %v", err)
			}
		case <-time.After(time.Minute):
			t.Fatal("a wait that is cancelled has not ended after a minute")
		}
		var once sync.Once
		next, err := Acquire(t.Context(), w.place(), info("apply"), time.Minute, func([]Lock) {
			once.Do(func() {
				if err := grant.Release(context.WithoutCancel(t.Context())); err != nil {
					t.Error(err)
				}
			})
		})
		must(t, err)
		must(t, next.Release(t.Context()))
	})
}

func TestBreak(t *testing.T) {
	everyKind(t, func(t *testing.T, w world) {
		ctx := t.Context()
		grant, err := w.place().Acquire(ctx, info("apply"))
		must(t, err)
		seen := one(t)(w.list(ctx))
		by := lease.Info{Who: "bert@ci", Info: "the runner died"}
		if seen.Kind == KindLocal {
			var alive *AliveError
			if err := seen.Break(ctx, by); !errors.As(err, &alive) || !strings.Contains(err.Error(), "anna@laptop") {
				t.Fatalf("a living process is robbed: %v", err)
			}
			must(t, grant.Release(ctx))
			return
		}
		must(t, seen.Break(ctx, by))
		eventually(t, "the lock is gone", func() bool { locks, err := w.list(ctx); must(t, err); return len(locks) == 0 })
		if err := grant.Release(ctx); !errors.Is(err, lease.ErrLost) {
			t.Errorf("who lost the lock hears %v", err)
		}
		if err := seen.Break(ctx, by); !errors.Is(err, lease.ErrChanged) {
			t.Errorf("breaking it again gives %v", err)
		}

		next, err := w.place().Acquire(ctx, info("destroy"))
		must(t, err)
		if err := seen.Break(ctx, by); !errors.Is(err, lease.ErrChanged) {
			t.Errorf("the next one's lock is broken by what was seen of the first: %v", err)
		}
		if err := grant.Release(ctx); !errors.Is(err, lease.ErrLost) {
			t.Errorf("releasing a lost lock gives %v", err)
		}
		one(t)(w.list(ctx))
		must(t, next.Release(ctx))
		eventually(t, "one record", func() bool { return w.records(t) == 1 })
		if left := w.left(t); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// eventually waits for what a server does by itself.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 500 {
		if is() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func TestAcquireAll(t *testing.T) {
	ctx := t.Context()
	file, table := lockfileWorld(t, true), dynamoWorld(t)
	both := []Place{file.place(), table.place()}
	grant, err := AcquireAll(ctx, both, info("migrate"), 0, nil)
	must(t, err)
	one(t)(file.list(ctx))
	one(t)(table.list(ctx))
	if _, err := AcquireAll(ctx, both, info("migrate"), 0, nil); !errors.Is(err, lease.ErrHeld) {
		t.Errorf("a second one gets %v", err)
	}
	must(t, grant.Release(ctx))
	none(t)(file.list(ctx))
	none(t)(table.list(ctx))

	held, err := table.place().Acquire(ctx, info("apply"))
	must(t, err)
	if _, err := AcquireAll(ctx, both, info("migrate"), 0, nil); !errors.Is(err, lease.ErrHeld) {
		t.Errorf("half of it is taken: %v", err)
	}
	none(t)(file.list(ctx))
	must(t, held.Release(ctx))
}

func TestDigest(t *testing.T) {
	client, table := dynamoTable(t)
	d := NewDynamoDB(client, table, "states", "infra/terraform.tfstate")
	for _, sum := range []string{"", "d41d8cd98f00b204e9800998ecf8427e", "0cc175b9c0f1b6a831c399e269772661", ""} {
		must(t, d.SetDigest(t.Context(), sum))
		got, err := d.Digest(t.Context())
		must(t, err)
		if got != sum {
			t.Errorf("got %q, want %q", got, sum)
		}
		none(t)(DynamoDBLocks(t.Context(), client, table))
	}
}

func TestForeignContent(t *testing.T) {
	client, name := bucket(t, true, "")
	for key, body := range map[string]string{
		"empty.tflock": "", "broken.tflock": `{"ID": "x"`, "list.tflock": "[]", "number.tflock": `{"ID": 7}`, "fine.tflock": `{"ID":"id","Who":"w"}`,
		"fine.tflock.txt": "no lock",
	} {
		must(t, client.PutSmall(t.Context(), name, key, []byte(body)))
	}
	locks, err := Lockfiles(t.Context(), client, name, "")
	must(t, err)
	var ids []string
	for _, l := range locks {
		if l.ID() == "" || slices.Contains(ids, l.ID()) || (l.Problem == "") != (l.Place == "s3://"+name+"/fine.tflock") {
			t.Errorf("unexpected %+v", l)
		}
		ids = append(ids, l.ID())
		must(t, l.Break(t.Context(), lease.Info{}))
	}
	if len(ids) != 5 {
		t.Errorf("found %d locks", len(ids))
	}
	none(t)(Lockfiles(t.Context(), client, name, ""))
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"ID":"a","Created":"2026-01-02T03:04:05Z"}`))
	f.Add([]byte(`{"pid":1,"username":"u","hostname":"h","timestamp":"2026-01-02T03:04:05Z"}`))
	f.Add([]byte("\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := Lock{Place: "p"}
		l.decode(data)
		p := NewPulumi(DirFiles("/x"), "a", "b").lock("n", data, time.Time{})
		for _, l := range []Lock{l, p} {
			if l.Data != string(data) || l.ID() == "" || l.Holder() == "" {
				t.Errorf("%+v", l)
			}
			key := newRecord(l, lease.Info{}).key()
			if strings.Count(key, "/") != 2 || len(key) > 200 {
				t.Errorf("a record is written to %q", key)
			}
		}
	})
}
