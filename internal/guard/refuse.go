package guard

import (
	"fmt"
	"strings"
)

// maxNamed is how many states a message names before it counts the rest.
const maxNamed = 10

// Permission is what the user has allowed.
type Permission struct {
	// ForceDestroy allows contents to be deleted.
	ForceDestroy bool
	// FinalBackup says that everything is copied first; only with it live state may go.
	FinalBackup bool
}

// SelfManagedError is a state that lives in the very bucket which it manages. Nothing overrides it:
// the tool could not write down that the bucket is gone.
type SelfManagedError struct{ Bucket, Key string }

// Error implements error.
func (e *SelfManagedError) Error() string {
	return fmt.Sprintf("the state %q, which manages bucket %q, is kept in that bucket itself. "+
		"Destroying the bucket would take away the state in the middle of the run", e.Key, e.Bucket)
}

// LiveStateError lists the states that still hold resources.
type LiveStateError struct {
	Bucket string
	States []State
	// Forced is true when force_destroy was set, and only the backup is missing.
	Forced bool
}

// Error implements error.
func (e *LiveStateError) Error() string {
	lines := make([]string, 0, len(e.States))
	for i, s := range e.States {
		if i == maxNamed {
			lines = append(lines, fmt.Sprintf("  and %d more", len(e.States)-maxNamed))
			break
		}
		lines = append(lines, "  "+s.String())
	}
	return fmt.Sprintf("bucket %q holds live state; the resources in it would be left behind without anyone managing them:\n%s",
		e.Bucket, strings.Join(lines, "\n"))
}

// ContentsError is a bucket without live state that still holds something.
type ContentsError struct{ Report *Report }

// Error implements error.
func (e *ContentsError) Error() string {
	r := e.Report
	s := fmt.Sprintf("bucket %q is not empty: it holds %s, %s and %s, %q among them",
		r.Bucket, countOf(r.Objects, "object"), countOf(r.Versions, "superseded version"), countOf(r.Markers, "delete marker"), r.Example)
	if len(r.Locks) > 0 {
		s += fmt.Sprintf(". A lock says that a run is under way, or died: %s, the first is %q", countOf(len(r.Locks), "lock object"), r.Locks[0])
	}
	return s
}

// Refuse returns why a bucket must not be destroyed, nil when it may. The order is that of the
// harm: what nothing overrides comes first.
func Refuse(r *Report, p Permission) error {
	for _, s := range r.States {
		if s.ManagesBucket && !s.Superseded {
			return &SelfManagedError{Bucket: r.Bucket, Key: s.Key}
		}
	}
	if live := r.Live(); len(live) > 0 && (!p.ForceDestroy || !p.FinalBackup) {
		return &LiveStateError{Bucket: r.Bucket, States: live, Forced: p.ForceDestroy}
	}
	if !r.Empty() && !p.ForceDestroy {
		return &ContentsError{Report: r}
	}
	return nil
}
