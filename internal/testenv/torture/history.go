//go:build unix

package torture

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// kind is what an operation does.
type kind string

// The operations.
const (
	acquire kind = "acquire"
	renew   kind = "renew"
	release kind = "release"
	breakIt kind = "break"
	write   kind = "write" // to the guarded resource
	// claim is an acquire whose fence was never given to anybody: it was drawn before the row was
	// there and replaced, or its answer was lost. Others may have seen it in the table.
	claim kind = "claim"
)

// result is how it ended.
type result string

// The results. An operation without one was never answered, or with an error that says nothing.
const (
	ok      result = "ok"
	held    result = "held"    // acquire: somebody else holds the lock
	lost    result = "lost"    // renew, release: the lease is not ours; break: it is another lock now
	refused result = "refused" // write: the fence is old
	unknown result = "unknown"
)

// event is one line of a worker: an operation is called, or answered.
type event struct {
	Worker int    `json:"w"`
	Op     int    `json:"n"`
	Call   bool   `json:"c,omitempty"`
	Kind   kind   `json:"k,omitempty"`
	Lock   string `json:"l,omitempty"`
	// ID is that of the request for a lease.
	ID string `json:"i,omitempty"`
	// Fence is that of the grant; of a refused acquire it is the holder's, or 0.
	Fence  int64  `json:"f,omitempty"`
	Result result `json:"r,omitempty"`
	// At and Deadline are on the machine's monotonic clock.
	At       int64 `json:"t"`
	Deadline int64 `json:"d,omitempty"`
	// Err is kept for people.
	Err string `json:"e,omitempty"`
}

// op is an operation with its call and its answer.
type op struct {
	event
	called, answered int64 // answered is 0 for one that never was
}

// monotonic is the clock that all processes of a machine share.
func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}

// history is all that was recorded.
type history struct {
	mu   sync.Mutex
	ops  map[[2]int]*op
	died map[int]int64 // when a worker was known to be dead
	done int           // operations on leases that were answered
	bad  error
}

func newHistory() *history {
	return &history{ops: map[[2]int]*op{}, died: map[int]int64{}}
}

// read takes the lines of one worker until it ends. The last line of a killed one may be torn.
func (h *history) read(worker int, r io.Reader) {
	for decoder := json.NewDecoder(r); ; {
		var e event
		err := decoder.Decode(&e)
		if err != nil {
			return
		}
		h.add(e)
	}
}

func (h *history) add(e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := [2]int{e.Worker, e.Op}
	if e.Call {
		h.ops[key] = &op{event: e, called: e.At}
		return
	}
	o := h.ops[key]
	if o == nil {
		h.bad = fmt.Errorf("worker %d answers an operation %d that was not called", e.Worker, e.Op)
		return
	}
	o.answered = e.At
	if o.Kind != write && o.Kind != breakIt {
		h.done++
	}
	o.Result, o.Deadline, o.Err = e.Result, e.Deadline, e.Err
	if e.Fence != 0 {
		o.Fence = e.Fence
	}
}

// dead notes that a worker ran no more after this moment.
func (h *history) dead(worker int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.died[worker] = monotonic()
}

// answered is how many operations on leases were answered so far.
func (h *history) answered() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.done
}
