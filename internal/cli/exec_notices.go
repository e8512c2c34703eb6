package cli

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/leaserun"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lockview"
)

// notices tells people on standard error what becomes of a lock. Standard output is CMD's.
type notices struct {
	app     *App
	name    string
	onLost  leaserun.OnLost
	timeout time.Duration

	// every is how often a wait that goes on is told of again: services end jobs that say nothing for
	// minutes.
	every time.Duration

	began time.Time
	// mu guards what the reminders share with the rest; stop ends them.
	mu     sync.Mutex
	holder lease.Held
	stop   chan struct{}
}

// newNotices is for a wait that begins now.
func (a *App) newNotices(name string, timeout seconds) *notices {
	return &notices{app: a, name: name, timeout: time.Duration(timeout), every: reminders, began: time.Now()}
}

func (n *notices) events() leaserun.Events {
	return leaserun.Events{
		Waiting:    n.wait,
		Acquired:   n.acquired,
		Inherited:  func(name string) { n.app.logf("the lock %q is held by a caller of this command", name) },
		Kept:       n.kept,
		Unreleased: n.unreleased,
	}
}

func (n *notices) say(format string, args ...any) {
	_, _ = fmt.Fprintf(n.app.Stderr, "groundwork: "+format+"\n", args...)
}

func (n *notices) wait(holder lease.Held) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.say("waiting for up to %s for the lock %q, which is %s", n.left(), n.name, describe(holder))
	// What is left of the lease and who else waits is not known later.
	n.holder, n.holder.Left, n.holder.Waiting = holder, 0, 0
	if n.stop == nil {
		n.stop = make(chan struct{})
		go n.remind(n.stop)
	}
}

// left is what is left of the time to wait.
func (n *notices) left() time.Duration {
	return max(n.timeout-time.Since(n.began).Truncate(time.Second), 0)
}

func (n *notices) remind(stop <-chan struct{}) {
	ticker := time.NewTicker(n.every)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		n.mu.Lock()
		if n.stop != nil {
			n.say("still waiting, for up to %s, for the lock %q, which is %s", n.left(), n.name, describe(n.holder))
		}
		n.mu.Unlock()
	}
}

// waited ends the reminders, and tells whether there was a wait.
func (n *notices) waited() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stop == nil {
		return false
	}
	close(n.stop)
	n.stop = nil
	return true
}

func (n *notices) acquired(g lease.Grant) {
	if n.waited() {
		n.say("got the lock %q after %s", n.name, time.Since(n.began).Round(time.Second))
		return
	}
	n.app.logf("got the lock %q, fence %d, for %s at a time", n.name, g.Fence, g.Duration)
}

func (n *notices) kept(e lease.Event) {
	switch e.Certainty {
	case lease.Certain:
		n.say("the lock %q is renewed again", n.name)
	case lease.Doubtful:
		lasts := "its time is over" // of a process that was stopped, or of a machine that slept
		if left := time.Until(e.Deadline); left > 0 {
			lasts = "lasts for another " + left.Round(time.Second).String()
		}
		n.say("the lock %q cannot be renewed at the moment, and %s: %v", n.name, lasts, e.Err)
	case lease.Lost:
		n.say("THE LOCK %q IS LOST, and others may run now: %s", n.name, whyLost(e.Err))
		switch n.onLost {
		case leaserun.Warn:
			n.say("the command goes on, as --on-lost warn says")
		case leaserun.Kill:
			n.say("killing the command, as --on-lost kill says")
		default:
			n.say("interrupting the command, which may finish what it is writing")
		}
	}
}

func (n *notices) unreleased(err error, g lease.Grant) {
	if errors.Is(err, lease.ErrLost) {
		n.say("THE LOCK %q WAS LOST before the command ended, and others may have run meanwhile: %s", n.name, whyLost(err))
		return
	}
	n.say("the lock %q could not be given back and ends by itself in %s: %v", n.name, max(time.Until(g.Deadline()), 0).Round(time.Second), err)
}

// whyLost leaves out the name, which stands before it.
func whyLost(err error) string {
	var lost *lease.LostError
	if errors.As(err, &lost) {
		return lost.Why()
	}
	return err.Error()
}

// describe says who holds a lock, for what, and since when.
func describe(h lease.Held) string {
	verb := "held by "
	if h.Reserved {
		verb = "about to go to "
	}
	var b strings.Builder
	b.WriteString(verb + h.Who())
	if h.Info.Operation != "" {
		b.WriteString(" for " + h.Info.Operation)
	}
	if h.Info.Info != "" {
		b.WriteString(" (" + h.Info.Info + ")")
	}
	if age := age(h); age != "" {
		b.WriteString(", taken " + age + " ago")
	}
	switch {
	case h.Reserved:
	case h.Endless:
		b.WriteString(", without an end")
	case h.Left > 0:
		b.WriteString(", for another " + h.Left.Round(time.Second).String() + " unless it is renewed")
	}
	switch h.Waiting {
	case 0:
	case 1:
		b.WriteString("; 1 other run waits")
	default:
		fmt.Fprintf(&b, "; %d other runs wait", h.Waiting)
	}
	return b.String()
}

// age is how long a lock has been held, by the clock of this machine; empty where it is unknown.
func age(h lease.Held) string {
	since := h.Acquired
	if since.IsZero() {
		since = h.Info.Created
	}
	if since.IsZero() {
		return ""
	}
	return max(time.Since(since), 0).Round(time.Second).String()
}

// timeoutError is what people know as a state lock timeout, with the way out: the flags that name the lock
// table, and how to wait longer than was waited.
func timeoutError(err error, name, table, longer string) error {
	var held *lease.HeldError
	if !errors.As(err, &held) {
		return err
	}
	text := fmt.Sprintf("state lock timeout: the lock %q is %s; waited %s", name, describe(held.Holder), held.Waited.Round(time.Second))
	dead := "its lock ends by itself; to take it away at once"
	if held.Holder.Endless {
		dead = "its lock stays: somebody wrote it into the table without an end. To take it away"
	}
	hint := fmt.Sprintf(`See all locks, and whether the holder still lives:
  groundwork locks list%s
If the holder is dead, %s:
  groundwork locks break %s --force%[1]s
To wait longer: %[4]s.`, table, dead, lockview.QuoteArg(name), longer)
	return &HintError{Err: &lockTimeout{text: text, err: err}, Hint: hint}
}

// doubled is a time to wait that is longer than one that was too short.
func doubled(timeout seconds) time.Duration { return max(2*time.Duration(timeout), time.Minute) }

// lockTimeout replaces the text of an error and keeps its kind.
type lockTimeout struct {
	text string
	err  error
}

// Error implements error.
func (e *lockTimeout) Error() string { return e.text }

// Unwrap gives the error that says who holds the lock.
func (e *lockTimeout) Unwrap() error { return e.err }
