//go:build unix

package torture

import (
	"cmp"
	"slices"
	"time"
)

// slack is by how much the database's clock and the monotonic one may drift apart in a run.
const slack = int64(200 * time.Millisecond)

// settle makes a history that the model understands. What was never answered, or with an error that
// says nothing, is dropped where it did nothing, and gets its result and its end from the audit where
// it did. Every change in the audit is explained by one operation and no more.
func settle(h *history, records []record, wallAhead int64) []op {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &settling{granted: map[string][]record{}, deleted: map[int64]int64{}, written: map[int64][]int64{}, explained: map[int64]bool{}}
	for _, r := range records {
		at := r.at - wallAhead
		switch r.what {
		case "grant", "number":
			r.at = at
			s.granted[r.id] = append(s.granted[r.id], r)
		case "delete":
			s.deleted[r.fence] = at
		case "write":
			s.written[r.fence] = append(s.written[r.fence], at)
		}
	}
	for _, o := range h.ops {
		s.ops = append(s.ops, *o)
	}
	slices.SortFunc(s.ops, func(a, b op) int { return cmp.Compare(a.called, b.called) })
	s.ends()
	s.writes()
	var settled []op
	for _, o := range s.ops {
		switch {
		case o.Kind == acquire:
			settled = append(settled, s.acquired(o)...)
		case o.answered != 0 && o.Result != unknown:
			settled = append(settled, o)
		}
	}
	return settled
}

type settling struct {
	ops       []op
	granted   map[string][]record // by ID
	deleted   map[int64]int64     // when, by fence
	written   map[int64][]int64   // when, by fence; what is explained is taken out
	explained map[int64]bool      // deletes, by fence
}

// ends explains the deletes: by the break or the release that was told of it; otherwise by one that
// was not, or heard at its second try that the lock was gone.
func (s *settling) ends() {
	for _, of := range []struct {
		kind    kind
		certain bool
	}{{breakIt, true}, {release, true}, {release, false}, {breakIt, false}} {
		for i := range s.ops {
			o := &s.ops[i]
			if o.Kind != of.kind || (o.Result == ok) != of.certain {
				continue
			}
			at, gone := s.deleted[o.Fence]
			switch {
			case of.certain && o.Kind == release && s.explained[o.Fence]:
				o.Result = unknown // over a lost connection all that Release knows is that the lock is gone
			case of.certain:
				s.explained[o.Fence] = true
			case gone && !s.explained[o.Fence] && o.called <= at+slack && (o.answered == 0 || o.answered >= at-slack || o.Result == unknown):
				if o.answered == 0 || o.Result == unknown {
					o.answered = max(at+slack, o.called)
				}
				o.Result, s.explained[o.Fence] = ok, true
			}
		}
	}
}

// writes explains the writes in the same way.
func (s *settling) writes() {
	claim := func(o *op, until int64) (at int64, found bool) {
		times := s.written[o.Fence]
		i := slices.IndexFunc(times, func(at int64) bool { return at >= o.called-slack && at <= until })
		if i < 0 {
			return 0, false
		}
		at = times[i]
		s.written[o.Fence] = slices.Delete(times, i, i+1)
		return at, true
	}
	for i := range s.ops {
		if o := &s.ops[i]; o.Kind == write && o.Result == ok {
			claim(o, o.answered+slack)
		}
	}
	for i := range s.ops {
		o := &s.ops[i]
		if o.Kind != write || (o.answered != 0 && o.Result != unknown) {
			continue
		}
		const late = int64(time.Minute) // the server may get to it after its sender is gone
		if at, found := claim(o, o.called+late); found {
			o.Result, o.answered = ok, max(at+slack, o.called)
		}
	}
}

// acquired is an acquire as the operations that it consists of: over a lost connection it may have
// been granted more than once, and one that failed may have been granted and taken back.
func (s *settling) acquired(o op) []op {
	grants := s.granted[o.ID]
	var ops []op
	for _, g := range grants {
		one := o
		// When it was granted is known; a wait of seconds would leave far too many orders to try.
		one.called = max(o.called, g.at-slack)
		if o.Result == ok && g.fence == o.Fence {
			o.called = one.called
			continue
		}
		one.Kind, one.Result, one.Fence, one.Deadline = claim, ok, g.fence, 0
		one.answered = g.at + slack
		ops = append(ops, one)
	}
	if o.Result == held && o.Fence == 0 {
		return ops // promised to a waiter, which says nothing about who holds it
	}
	if o.Result == ok || o.Result == held && len(grants) == 0 {
		return append(ops, o)
	}
	if len(grants) == 0 {
		return nil
	}
	last := grants[len(grants)-1].fence
	if at, gone := s.deleted[last]; gone && !s.explained[last] {
		s.explained[last] = true
		back := o
		back.Kind, back.Result, back.Fence, back.answered = release, ok, last, at+slack
		ops = append(ops, back)
	}
	return ops
}
