//go:build unix

package torture

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// check judges a run, and returns every violation that it finds.
func check(h *history, records []record, wallAhead int64, limit time.Duration) []error {
	var found []error
	if h.bad != nil {
		found = append(found, h.bad)
	}
	found = append(found, checkAudit(records)...)
	locks := map[string][]op{}
	for _, o := range settle(h, records, wallAhead) {
		locks[o.Lock] = append(locks[o.Lock], o)
	}
	for _, lock := range slices.Sorted(maps.Keys(locks)) {
		ops := locks[lock]
		found = append(found, checkCertainty(lock, ops, h.died)...)
		if err := linearizable(lock, ops, limit); err != nil {
			found = append(found, err)
		}
	}
	return found
}

// checkAudit judges by the database's clock.
func checkAudit(records []record) []error {
	type state struct {
		holder  string
		fence   int64
		last    int64
		expires int64
		written int64
		// old tells that the fence is not greater than one before. It may be, for as long as nobody uses
		// it: acquire sees it, and draws another one before it says that the lock is had.
		old bool
	}
	var found []error
	locks := map[string]*state{}
	for _, r := range records {
		s := locks[r.lock]
		if s == nil {
			s = &state{}
			locks[r.lock] = s
		}
		bad := func(format string, args ...any) {
			found = append(found, fmt.Errorf("lock %s, audit %d: "+format, append([]any{r.lock, r.n}, args...)...))
		}
		if r.what == "grant" || r.what == "number" {
			if s.fence != 0 && s.holder != r.id && s.expires > r.at {
				bad("two holders at once: fence %d is granted %s before fence %d ends", r.fence, time.Duration(s.expires-r.at), s.fence)
			}
			s.old = r.fence <= s.last
			if s.old && r.what == "number" {
				bad("fence %d is granted after %d", r.fence, s.last)
			}
		}
		if s.old && (r.what == "renew" || r.what == "write") && r.fence == s.fence {
			bad("fence %d is used after %d", r.fence, s.last)
		}
		switch r.what {
		case "grant", "number":
			s.holder, s.fence, s.expires, s.last = r.id, r.fence, r.expires, max(s.last, r.fence)
		case "renew":
			if r.fence != s.fence {
				bad("fence %d is renewed while %d holds the lock", r.fence, s.fence)
			}
			s.expires = r.expires
		case "delete":
			if r.fence != s.fence {
				bad("fence %d is released while %d holds the lock", r.fence, s.fence)
			}
			s.holder, s.fence = "", 0
		case "write":
			if r.fence < s.written {
				bad("a write with fence %d is accepted after one with %d", r.fence, s.written)
			}
			s.written = max(s.written, r.fence)
		}
	}
	return found
}

// certainty is when a worker was certain of a lock, on the monotonic clock.
type certainty struct {
	fence      int64
	start, end int64
	worker     int
}

// checkCertainty judges by the clocks of the workers.
func checkCertainty(lock string, ops []op, died map[int]int64) []error {
	spans := map[int64]*certainty{}
	slices.SortFunc(ops, func(a, b op) int { return cmp.Compare(a.called, b.called) })
	for _, o := range ops {
		s := spans[o.Fence]
		switch {
		case o.Kind == acquire && o.Result == ok && o.Deadline != 0:
			end := o.Deadline
			if at, dead := died[o.Worker]; dead {
				end = min(end, at)
			}
			spans[o.Fence] = &certainty{fence: o.Fence, start: o.answered, end: end, worker: o.Worker}
		case s == nil || o.Worker != s.worker:
		case o.Kind == renew && o.Result == ok:
			s.end = max(s.end, o.Deadline)
			if at, dead := died[o.Worker]; dead {
				s.end = min(s.end, at)
			}
		case o.Kind == renew && o.Result == lost:
			s.end = min(s.end, o.answered)
		case o.Kind == release:
			s.end = min(s.end, o.called)
		}
	}
	var found []error
	var before *certainty
	for _, fence := range slices.Sorted(maps.Keys(spans)) {
		s := spans[fence]
		if before != nil && s.end > s.start && before.end > s.start {
			found = append(found, fmt.Errorf("lock %s: worker %d (fence %d) and worker %d (fence %d) were certain of it for %s at once",
				lock, before.worker, before.fence, s.worker, s.fence, time.Duration(before.end-s.start)))
		}
		if before == nil || s.end > before.end {
			before = s
		}
	}
	for _, o := range ops {
		if s := spans[o.Fence]; o.Kind == write && o.Result == refused && s != nil && s.worker == o.Worker && o.called > s.start && o.answered < s.end {
			found = append(found, fmt.Errorf("lock %s: a write with fence %d was refused while its lease lasted", lock, o.Fence))
		}
	}
	return found
}
