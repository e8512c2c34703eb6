package lockview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/location"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/toollock"
)

// KindLease is the kind of a lease, beside those of toollock.
const KindLease = "lease"

// Entry is one lock.
type Entry struct {
	// Kind is KindLease or a toollock.Kind.
	Kind string
	// ID names this very lock, and Name what is locked.
	ID, Name string
	// Place is where the lock is; empty for a lease, which is in the lock table.
	Place string
	// Environment and Phase are those of the location, where it has any.
	Environment, Phase string
	Who, Operation     string
	// Since is zero where it is unknown.
	Since time.Time
	// Endless tells that the lock does not end by itself. Otherwise Left is until it does.
	Endless bool
	Left    time.Duration
	// Expired tells that anybody may take it.
	Expired bool
	// Fence and Waiting are those of a lease.
	Fence   int64
	Waiting int
	// PID is the holder's process, 0 where it is unknown.
	PID int
	// Problem says why the holder is not known, empty where it is.
	Problem string
	// Next says what to do about it.
	Next string

	held *lease.Held
	tool *toollock.Lock
}

// OfLease shows a lease.
func OfLease(h lease.Held) Entry {
	e := Entry{
		Kind: KindLease, ID: h.Info.ID, Name: h.Name, Who: h.Who(), Operation: h.Info.Operation, Since: h.Acquired,
		Endless: h.Endless, Left: h.Left, Expired: h.Expired(), Fence: h.Fence, Waiting: h.Waiting, held: &h,
	}
	if !lease.PlainID(e.ID) {
		e.ID = h.Name
	}
	switch {
	case e.Expired:
		e.Next = "groundwork locks break " + QuoteArg(e.ID)
	case h.Endless || !h.Reserved:
		e.Next = "groundwork locks break " + QuoteArg(e.ID) + " --force, if that run is dead"
	}
	return e
}

// OfTool shows a tool lock.
func OfTool(l toollock.Lock) Entry {
	who := l.Info.Who
	if who == "" {
		who = "somebody"
	}
	return Entry{
		Kind: string(l.Kind), ID: l.ID(), Name: l.Protects, Place: l.Place, Who: who, Operation: l.Info.Operation, Since: l.Since,
		Endless: !l.Leftover, Expired: l.Leftover, PID: l.PID, Problem: l.Problem, Next: l.Next(), tool: &l,
	}
}

// QuoteArg quotes an argument for a shell; the form with escapes is known to bash and zsh.
func QuoteArg(s string) string {
	switch {
	case lease.PlainID(s):
		return s
	case lease.Printable(s) != s:
		return "$'" + strings.ReplaceAll(lease.Printable(strings.ReplaceAll(s, `\`, `\\`)), "'", `\'`) + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// List shows the leases of a store, which may be nil, and the tool locks of all locations. What could
// not be asked is in the joined error, and all others are still returned.
func (w World) List(ctx context.Context, store lease.Store, locations []location.Location) ([]Entry, error) {
	var entries []Entry
	var errs []error
	if store != nil {
		held, err := store.List(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("list the leases: %w", err))
		}
		for _, h := range held {
			entries = append(entries, OfLease(h))
		}
	}
	type result struct {
		entries []Entry
		err     error
	}
	results := make([]result, len(locations))
	var g errgroup.Group
	g.SetLimit(8)
	for i, l := range locations {
		g.Go(func() error {
			results[i].entries, results[i].err = w.of(ctx, l)
			return nil
		})
	}
	_ = g.Wait()              // the errors are in the results
	seen := map[string]bool{} // two directories may have one state
	for _, r := range results {
		if r.err != nil {
			errs = append(errs, r.err)
		}
		for _, e := range r.entries {
			if key := e.Place + "\x00" + e.ID; !seen[key] {
				seen[key] = true
				entries = append(entries, e)
			}
		}
	}
	return entries, errors.Join(errs...)
}

// of shows the tool locks of a location: those of all stacks or workspaces of its backend, unless only
// the one state is meant.
func (w World) of(ctx context.Context, l location.Location) ([]Entry, error) {
	places, err := w.places(ctx, l, true)
	if err != nil {
		return nil, err
	}
	var out []Entry
	var errs []error
	for _, p := range places {
		inspect := p.Inspect
		if whole, ok := p.(interface {
			All(context.Context) ([]toollock.Lock, error)
		}); ok && !w.OneState {
			inspect = whole.All
		}
		locks, err := inspect(ctx)
		errs = append(errs, err)
		for _, lock := range locks {
			e := OfTool(lock)
			e.Environment, e.Phase = l.Environment, l.Phase
			out = append(out, e)
		}
	}
	return out, errors.Join(errs...)
}

// recorder is a store that keeps records of broken leases.
type recorder interface {
	Record(ctx context.Context, text string) error
}

// ErrLive means that a lock is not broken without force, since it has not ended.
var ErrLive = errors.New("the lock has not expired")

// LiveError says which lock that is.
type LiveError struct{ Entry Entry }

// Error implements error.
func (e *LiveError) Error() string {
	return fmt.Sprintf("the lock on %s has not expired: %s holds it, and it was not broken", lease.Printable(e.Entry.Name), e.Entry.Who)
}

// Is matches ErrLive and lease.ErrHeld.
func (e *LiveError) Is(target error) bool { return target == ErrLive || target == lease.ErrHeld }

// Break breaks exactly the lock that an entry shows: one that has expired, or with force also a live
// one. It records who did so, and why, where the lock was.
func (e Entry) Break(ctx context.Context, store lease.Store, force bool, by lease.Info) error {
	by, err := by.Complete()
	if err != nil {
		return err
	}
	if !e.Expired && !force {
		return &LiveError{Entry: e}
	}
	if e.tool != nil {
		return e.tool.Break(ctx, by)
	}
	if err := store.Break(ctx, *e.held, force); err != nil {
		return err
	}
	r, ok := store.(recorder)
	if !ok {
		return nil
	}
	text, err := json.Marshal(struct {
		FormatVersion int       `json:"format_version"`
		BrokenAt      time.Time `json:"broken_at"`
		BrokenBy      string    `json:"broken_by"`
		Reason        string    `json:"reason,omitempty"`
		Kind          string    `json:"kind"`
		Name          string    `json:"name"`
		Fence         int64     `json:"fence"`
		Holder        string    `json:"holder"`
		Data          string    `json:"data"`
	}{1, by.Created, by.Who, by.Info, e.Kind, e.Name, e.Fence, e.Who, e.held.Data})
	if err == nil {
		err = r.Record(ctx, string(text))
	}
	if err != nil {
		return fmt.Errorf("the lease on %q was broken, but no record of that could be written: %w", e.Name, err)
	}
	return nil
}
