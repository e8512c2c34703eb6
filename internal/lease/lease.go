// Package lease is what the lock tables of groundwork have in common, whatever keeps them: a lease
// is held for a time, renewed, waited for in the order of arrival, and fenced. It knows no database;
// internal/pglock and internal/dynamolock implement Store.
//
// A lease is not a tool lock: the locks that Terraform, OpenTofu and Pulumi take themselves are in
// internal/toollock, and are never renewed.
package lease

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The defaults of a lease.
const (
	// DefaultDuration is how long a lease lasts that is not renewed.
	DefaultDuration = 300 * time.Second
	// DefaultTimeout is how long to wait for a lease that another one holds.
	DefaultTimeout = 300 * time.Second
)

// The kinds of errors. They are matched with errors.Is.
var (
	// ErrHeld means that somebody else holds the lease; the error is a *HeldError.
	ErrHeld = errors.New("the lock is held")
	// ErrLost means that a lease is no longer the caller's: it expired and was taken, or was broken.
	ErrLost = errors.New("the lease is lost")
	// ErrChanged means that a lock is not any more what was seen of it, so that it was not broken.
	ErrChanged = errors.New("the lock has changed")
)

// Info is the JSON that Terraform users know from its locks. It stands in the table's Data.
type Info struct {
	ID        string
	Operation string
	Info      string
	Who       string
	Version   string
	Created   time.Time
	Path      string
}

// Request asks for a lease.
type Request struct {
	// Name of the lock, such as "pulumi:project/stack". Names that the table cannot hold are hashed by
	// the store.
	Name string
	// Duration of the lease, DefaultDuration if zero.
	Duration time.Duration
	// Info is stored with the lease; Who and Operation are shown to those who wait.
	Info Info
}

// Grant is a lease that the caller holds.
type Grant struct {
	Name string
	// Fence is greater than that of every earlier grant of this name. What is guarded can refuse
	// writes that carry a smaller one.
	Fence int64
	// Duration of the lease as granted or renewed.
	Duration time.Duration
	// Sent is the caller's monotonic clock from before the request was sent: the lease certainly lasts
	// until Sent + Duration, whatever the clocks of others say.
	Sent time.Time
	Info Info
}

// Deadline is the time on the local monotonic clock until which the lease certainly lasts.
func (g Grant) Deadline() time.Time { return g.Sent.Add(g.Duration) }

// Held is one lock of a table as it was seen.
type Held struct {
	Name string
	// Fence is 0 where others than groundwork took the lock.
	Fence int64
	// Info is what the holder wrote down, made printable.
	Info Info
	// Data is the text that stands in the table, whether or not it is Info.
	Data string
	// Acquired is zero where it is unknown.
	Acquired time.Time
	// Expires is zero for a lock that is held without an end (Endless). Left is by the clock of the
	// store, and negative once the lease has expired.
	Expires time.Time
	Left    time.Duration
	Endless bool
	// Reserved tells that nobody holds the lock at this moment and that it goes to the first of those
	// who wait, whom Info names.
	Reserved bool
	// Waiting is how many wait for it, where the store knows.
	Waiting int
}

// Expired tells whether anybody may take the lock.
func (h Held) Expired() bool { return !h.Endless && !h.Reserved && h.Left <= 0 }

// Who names the holder, as well as it is known.
func (h Held) Who() string {
	switch {
	case h.Info.Who != "":
		return h.Info.Who
	case h.Data != "" && h.Fence == 0:
		const most = 60
		text := []rune(h.Data)
		if len(text) > most {
			text = append(text[:most], '…')
		}
		return fmt.Sprintf("somebody who wrote %q", string(text))
	}
	return "somebody"
}

// Wait says how to wait.
type Wait struct {
	// Timeout until a *HeldError; zero does not wait at all.
	Timeout time.Duration
	// OnWait, if set, is called when the wait begins and whenever the holder changes.
	OnWait func(holder Held)
}

// Store hands out leases. It is safe for concurrent use.
type Store interface {
	// Acquire takes the lease, waiting in the order of arrival. The error is a *HeldError when the
	// time is over.
	Acquire(ctx context.Context, r Request, w Wait) (Grant, error)
	// Renew prolongs the lease by its duration from now on. The error matches ErrLost when the lease
	// is somebody else's or gone.
	Renew(ctx context.Context, g Grant) (Grant, error)
	// Release gives the lease back. The error matches ErrLost when it was no longer the caller's.
	Release(ctx context.Context, g Grant) error
	// List shows every lock of the table, expired ones included, by name.
	List(ctx context.Context) ([]Held, error)
	// Break removes exactly the lock that was seen: an expired one, or with force also a live one.
	// The error matches ErrHeld for a live lock without force, ErrChanged when it is another one now.
	Break(ctx context.Context, seen Held, force bool) error
	// Close releases connections, not leases.
	Close() error
}

// HeldError says who holds a lock that could not be had.
type HeldError struct {
	Holder Held
	// Waited is how long the caller waited in vain.
	Waited time.Duration
}

// Error implements error.
func (e *HeldError) Error() string {
	h := e.Holder
	verb := "is held by"
	if h.Reserved {
		verb = "is about to go to"
	}
	text := fmt.Sprintf("the lock %q %s %s", h.Name, verb, h.Who())
	if h.Info.Operation != "" {
		text += " for " + h.Info.Operation
	}
	switch {
	case h.Reserved:
		text += ", who waits for it"
	case h.Endless:
		text += ", without an end"
	case h.Left > 0:
		text += ", for another " + h.Left.Round(time.Second).String() + " unless it is renewed"
	}
	if e.Waited >= time.Second {
		text += "; waited " + e.Waited.Round(time.Second).String()
	}
	return text
}

// Is matches ErrHeld.
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// LostError says what became of a lease.
type LostError struct {
	Name  string
	Fence int64
	// Now is who holds the lock instead, or nil.
	Now *Held
	// Reason is what happened where it is not that somebody took the lock or removed it.
	Reason string
}

// Error implements error.
func (e *LostError) Error() string {
	return fmt.Sprintf("the lease on %q (fence %d) is lost: %s", e.Name, e.Fence, e.Why())
}

// Why says what became of the lease, for those who name it themselves.
func (e *LostError) Why() string {
	switch {
	case e.Reason != "":
		return e.Reason
	case e.Now != nil:
		return "it expired or was broken, and now " + e.Now.Who() + " holds the lock"
	}
	return "it was broken, or it expired and was removed; nobody holds the lock now"
}

// Is matches ErrLost.
func (e *LostError) Is(target error) bool { return target == ErrLost }
