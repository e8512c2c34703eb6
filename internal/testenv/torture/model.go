//go:build unix

package torture

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// lockState is one lock with the resource that it guards, as the model sees it. It knows no time: a
// lease that has expired is held until somebody takes or removes it, as in the table.
type lockState struct {
	holder int64 // the fence of who has the lock, 0 for nobody
	last   int64 // the last fence that was granted
	seen   int64 // the newest fence that the resource has taken
}

// step is the model of a correct lock.
func step(s lockState, o op) (bool, lockState) {
	switch {
	case o.Kind == acquire && o.Result == ok:
		legal := o.Fence > s.last
		s.holder, s.last = o.Fence, o.Fence
		return legal, s
	case o.Kind == claim:
		s.holder = o.Fence
		return true, s
	case o.Kind == acquire: // held; by a fence that is not known when the lock was promised to a waiter
		return o.Fence == 0 || o.Fence == s.holder, s
	case o.Kind == renew:
		return (s.holder == o.Fence) == (o.Result == ok), s
	case o.Kind == release || o.Kind == breakIt:
		if o.Result != ok {
			return s.holder != o.Fence, s
		}
		legal := s.holder == o.Fence
		s.holder = 0
		return legal, s
	case o.Kind == write && o.Result == ok:
		legal := o.Fence >= s.seen
		s.seen = max(s.seen, o.Fence)
		return legal, s
	case o.Kind == write:
		return o.Fence < s.seen, s
	}
	return false, s
}

var model = porcupine.Model{
	Init: func() any { return lockState{} },
	Step: func(state, input, _ any) (bool, any) {
		s, isState := state.(lockState)
		o, isOp := input.(op)
		if !isState || !isOp {
			return false, state
		}
		return step(s, o)
	},
	DescribeOperation: func(input, _ any) string { return fmt.Sprintf("%+v", input) },
}

// linearizable checks one lock.
func linearizable(lock string, ops []op, limit time.Duration) error {
	operations := make([]porcupine.Operation, 0, len(ops))
	for _, o := range ops {
		end := o.answered
		if end == 0 {
			end = math.MaxInt64
		}
		operations = append(operations, porcupine.Operation{ClientId: o.Worker, Input: o, Call: o.called, Return: end})
	}
	switch porcupine.CheckOperationsTimeout(model, operations, limit) {
	case porcupine.Illegal:
		return fmt.Errorf("lock %s: the history of %d operations is not that of a lock%s", lock, len(ops), keep(lock, ops))
	case porcupine.Unknown:
		return fmt.Errorf("lock %s: the history of %d operations was not judged within %s", lock, len(ops), limit)
	}
	return nil
}

// keep writes a history down for people, and says where.
func keep(lock string, ops []op) string {
	file, err := os.CreateTemp("", "groundwork-torture-"+lock+"-")
	if err != nil {
		return ""
	}
	slices.SortFunc(ops, func(a, b op) int { return cmp.Compare(a.called, b.called) })
	for _, o := range ops {
		if _, err = fmt.Fprintf(file, "%12d %12d worker %d %s %s fence %d %s %s\n", o.called, o.answered, o.Worker, o.Kind, o.Result, o.Fence, o.ID, o.Err); err != nil {
			break
		}
	}
	if errors.Join(err, file.Close()) != nil {
		return ""
	}
	return ": see " + file.Name()
}
