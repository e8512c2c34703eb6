// Package toollock takes, shows, releases and breaks the locks that Terraform, OpenTofu and Pulumi
// take themselves: the lock object beside a state in a bucket, the item in a DynamoDB table, the
// lock directory of a Pulumi backend, the lock on a local state file, and the advisory lock of the
// pg backend.
//
// Such a lock is taken and given back as the tool would do it, so that the tool is kept out while
// groundwork works on a state, and groundwork while the tool does. None of them can be renewed,
// waited for in order, or fenced, and none but the last two ends with the process that took it: that
// is what the leases of internal/pglock and internal/dynamolock are for. What each kind protects
// stands with its type.
//
// A lock is broken only as it was seen: by the version of the object, the content of the item or
// the file, the very session of the database. When it has changed hands meanwhile, nothing is broken.
package toollock

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// Kind is a kind of tool lock. Its text is stable.
type Kind string

// The kinds of tool locks.
const (
	// KindLockfile is the object <state key>.tflock (use_lockfile of the s3 backend).
	KindLockfile Kind = "lockfile"
	// KindDynamoDB is the item of the s3 backend's dynamodb_table.
	KindDynamoDB Kind = "dynamodb"
	// KindPulumi is a file in .pulumi/locks.
	KindPulumi Kind = "pulumi"
	// KindLocal is the lock on a local state file.
	KindLocal Kind = "local"
	// KindPG is the advisory lock of the pg backend.
	KindPG Kind = "pg"
)

// Durable tells that a lock of this kind outlives the process that took it. The others end with
// it, whatever becomes of the process.
func (k Kind) Durable() bool { return k != KindLocal && k != KindPG }

// Lock is one lock as it was seen.
type Lock struct {
	Kind Kind
	// Place is where the lock is, such as "s3://bucket/infra/terraform.tfstate.tflock".
	Place string
	// Protects is the state that it keeps others from, such as "s3://bucket/infra/terraform.tfstate".
	Protects string
	// Info is what the tool wrote down, in Terraform's terms and made printable; fields that a kind does
	// not know are empty.
	Info lease.Info
	// Data is the lock's content, whether or not it could be read as Info.
	Data string
	// Since is when the lock was taken, by the clock of the service where it tells, else by that of
	// the holder; zero where neither does.
	Since time.Time
	// PID is the process that holds it, on the machine that Info.Who names (on the database server
	// for KindPG); 0 where it is unknown.
	PID int
	// Leftover tells that nobody holds it: the holder died, and only its note is left. The tools take
	// such a lock without asking.
	Leftover bool
	// Problem says why the content is not known, empty if it is.
	Problem string

	// version is exactly what was seen, in the terms of the kind.
	version string
	at      Place
}

// Break removes exactly this lock; see Place.
func (l Lock) Break(ctx context.Context, by lease.Info) error { return l.at.Break(ctx, l, by) }

// ID names this very lock: the ID that the tool gave it, or where that is none that could be given to
// a command, one that is made of what was seen.
func (l Lock) ID() string {
	if l.named() {
		return l.Info.ID
	}
	sum := sha256.Sum256([]byte(l.Place + "\x00" + l.version))
	return hex.EncodeToString(sum[:8])
}

// named tells whether the lock has an ID that the tool knows as well.
func (l Lock) named() bool { return lease.PlainID(l.Info.ID) }

// Place is where the lock of one state is taken. It is safe for concurrent use.
type Place interface {
	// Kind of the lock.
	Kind() Kind
	// String is where the lock is.
	String() string
	// Acquire takes the lock as the tool would: at once or not at all. The error is a *HeldError when
	// somebody has it. Info needs Operation only; the rest is filled in.
	Acquire(ctx context.Context, info lease.Info) (*Grant, error)
	// Inspect shows the locks that keep others from the state: none, one, or several where contenders
	// of Pulumi meet.
	Inspect(ctx context.Context) ([]Lock, error)
	// Break removes exactly the lock that was seen, and records beside it who did. The error matches
	// lease.ErrChanged when it is another one now or gone. A *RecordError means that it was broken and
	// that only the record is missing.
	Break(ctx context.Context, seen Lock, by lease.Info) error
}

// Grant is a tool lock that this process holds.
type Grant struct {
	// Lock is what others see, and Also what they see in other places of the same lock.
	Lock    Lock
	Also    []Lock
	release func(ctx context.Context) error
}

// Release gives the lock back. The error matches lease.ErrLost when it was somebody else's already,
// or gone.
func (g *Grant) Release(ctx context.Context) error {
	defer kept.Delete(g)
	return g.release(ctx)
}

// kept holds on to the grants whose lock is a handle of this process: one that the caller forgot
// would be closed by the garbage collector, and the lock be lost without a word.
var kept sync.Map

func (g *Grant) keep() *Grant {
	kept.Store(g, true)
	return g
}

// HeldError says who holds a tool lock.
type HeldError struct {
	// Locks that are in the way, at least one.
	Locks []Lock
	// Waited is how long the caller waited in vain.
	Waited time.Duration
}

// Error implements error.
func (e *HeldError) Error() string {
	l := e.Locks[0]
	text := lease.Printable(fmt.Sprintf("%s is locked by %s (%s)", l.Protects, l.Holder(), l.Place))
	if more := len(e.Locks) - 1; more > 0 {
		text += fmt.Sprintf(", and by %d more", more)
	}
	if e.Waited > 0 {
		text += fmt.Sprintf("; waited %s for it", e.Waited.Round(time.Second))
	}
	return text
}

// Is matches lease.ErrHeld.
func (e *HeldError) Is(target error) bool { return target == lease.ErrHeld }

// Holder says who holds the lock, since when and for what, as far as it is known.
func (l Lock) Holder() string {
	text := cmp.Or(l.Info.Who, "somebody")
	if l.Problem != "" {
		text += " (" + lease.Printable(l.Problem) + ")"
	}
	if l.PID != 0 {
		text += fmt.Sprintf(" (process %d)", l.PID)
	}
	if l.Info.Operation != "" {
		text += " for " + l.Info.Operation
	}
	if !l.Since.IsZero() {
		text += " since " + l.Since.UTC().Format(time.RFC3339)
	}
	return text
}

// stateError is a lock that is not what it should be.
type stateError struct {
	kind error
	text string
}

// Error implements error.
func (e *stateError) Error() string        { return e.text }
func (e *stateError) Is(target error) bool { return target == e.kind }

func changed(seen Lock) error {
	return &stateError{lease.ErrChanged, fmt.Sprintf("the lock %s at %s is not the one that was seen any more, so nothing was broken", seen.ID(), lease.Printable(seen.Place))}
}

func lost(l Lock) error {
	return &stateError{lease.ErrLost, fmt.Sprintf("the lock %s at %s is gone or somebody else's: it was broken while it was held", l.ID(), lease.Printable(l.Place))}
}

// complete fills in what the caller of Acquire left out.
func complete(info lease.Info, path string) lease.Info {
	info, err := info.Complete()
	if err != nil {
		panic(err) // there is no chance to be had from the system, without which nothing works
	}
	info.Path = path
	return info
}

// encode is the JSON that Terraform reads.
func encode(info lease.Info) []byte {
	text, err := json.Marshal(info)
	if err != nil {
		panic(err) // strings and a time of this millennium
	}
	return text
}

// decode reads what Terraform wrote; anything else is still a lock, of an unknown holder.
func (l *Lock) decode(data []byte) {
	l.Data = string(data)
	if err := json.Unmarshal(data, &l.Info); err != nil {
		l.Info = lease.Info{}
		l.Problem = "the lock is not the JSON that Terraform writes"
		return
	}
	l.Info = l.Info.Printable()
	if l.Since.IsZero() {
		l.Since = l.Info.Created
	}
}

// sorted puts locks into a stable order.
func sorted(locks []Lock) []Lock {
	slices.SortFunc(locks, func(a, b Lock) int { return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.ID(), b.ID())) })
	return locks
}
