package cli

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// A long wait says every now and then that it goes on, and nothing any more once it is over.
func TestWaitIsToldOfAgain(t *testing.T) {
	r, w := io.Pipe()
	n := &notices{app: &App{Stderr: w}, name: "x", timeout: time.Hour, every: time.Millisecond}
	n.events()
	lines := bufio.NewScanner(r)
	go n.wait(lease.Held{Name: "x", Info: lease.Info{Who: "anna", Operation: "terraform apply"}, Left: time.Minute, Waiting: 2})
	for _, want := range []string{
		`groundwork: waiting for up to 1h0m0s for the lock "x", which is held by anna for terraform apply, for another 1m0s unless it is renewed; 2 other runs wait`,
		`groundwork: still waiting, for up to 1h0m0s, for the lock "x", which is held by anna for terraform apply`,
	} {
		if !lines.Scan() || lines.Text() != want {
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
