package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/leaserun"
)

// A long wait says every now and then that it goes on, and nothing any more once it is over.
func TestWaitIsToldOfAgain(t *testing.T) {
	r, w := io.Pipe()
	n := (&App{Stderr: w}).newNotices("x", seconds(time.Hour))
	n.every = time.Millisecond
	lines := bufio.NewScanner(r)
	go n.wait(lease.Held{Name: "x", Info: lease.Info{Who: "anna", Operation: "terraform apply"}, Left: time.Minute, Waiting: 2})
	for _, want := range []string{
		`groundwork: waiting for up to 1h0m0s for the lock "x", which is held by anna for terraform apply, for another 1m0s unless it is renewed; 2 other runs wait`,
		`groundwork: still waiting, for up to 1h0m0s, for the lock "x", which is held by anna for terraform apply`,
	} {
		if !lines.Scan() || onTime(lines.Text()) != want {
			t.Fatalf("it says %q, want %q", lines.Text(), want)
		}
	}
	go func() {
		n.acquired(lease.Grant{Name: "x"})
		time.Sleep(20 * n.every) // for a reminder that should not come
		_ = w.Close()
	}()
	last := ""
	for lines.Scan() {
		last = lines.Text()
	}
	if !strings.HasPrefix(last, `groundwork: got the lock "x" after `) {
		t.Errorf("the last word is %q", last)
	}
}

// onTime forgives a slow machine some seconds of an hour.
func onTime(text string) string {
	return regexp.MustCompile(`\b59m5\ds`).ReplaceAllString(text, "1h0m0s")
}

// What is said of a lease that is in doubt or lost names it once, and gives no time that is over.
func TestKeptNotices(t *testing.T) {
	lost := &lease.LostError{Name: "x", Fence: 7, Now: &lease.Held{Info: lease.Info{Who: "bert"}}}
	for _, c := range []struct {
		event lease.Event
		want  string
	}{
		{lease.Event{Certainty: lease.Doubtful, Deadline: time.Now().Add(time.Hour), Err: errors.New("no answer")}, "groundwork: the lock \"x\" cannot be renewed at the moment, and lasts for another 1h0m0s: no answer\n"},
		{lease.Event{Certainty: lease.Doubtful, Deadline: time.Now().Add(-time.Hour), Err: errors.New("no answer")}, "groundwork: the lock \"x\" cannot be renewed at the moment, and its time is over: no answer\n"},
		{lease.Event{Certainty: lease.Certain}, "groundwork: the lock \"x\" is renewed again\n"},
		{lease.Event{Certainty: lease.Lost, Err: fmt.Errorf("renew: %w", lost)}, "groundwork: THE LOCK \"x\" IS LOST, and others may run now: it expired or was broken, and now bert holds the lock\ngroundwork: the command goes on, as --on-lost warn says\n"},
	} {
		var b strings.Builder
		n := &notices{app: &App{Stderr: &b}, name: "x", onLost: leaserun.Warn}
		n.kept(c.event)
		if onTime(b.String()) != c.want {
			t.Errorf("it says %q, want %q", b.String(), c.want)
		}
	}
}
