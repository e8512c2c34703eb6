//go:build !windows

package proc

import (
	"fmt"
	"os/exec"
	"testing"
)

// playWatcher starts a server that nothing ties to this process, and watches it.
func playWatcher() error {
	cmd, port, err := untied()
	if err != nil {
		return err
	}
	if _, err := watch(cmd.Process.Pid); err != nil {
		return err
	}
	fmt.Println(port)
	select {}
}

// untied starts a server that chooses its port itself and says which: looking whether a port is
// taken takes it for a moment, so that the server could not bind it.
func untied() (*exec.Cmd, int, error) {
	s := server("serve")
	cmd := exec.Command(s.Path, "0") //nolint:gosec,noctx // this test binary
	cmd.Env = s.Env
	port, err := startAndRead(cmd, "listening on %d")
	return cmd, port, err
}

func TestWatchKillsWhenItsOwnerIsKilled(t *testing.T) {
	owner, port := startRole(t, "watcher")
	if !portTaken(port) {
		t.Fatalf("nothing listens on %d while its owner runs", port)
	}
	kill(t, owner)
	awaitFree(t, port)
}

func TestWatchReleaseLeavesTheProgramAlone(t *testing.T) {
	cmd, port, err := untied()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(t, cmd) })
	release, err := watch(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	release() // the shell has ended when this returns
	if err := ready(t.Context(), port); err != nil {
		t.Fatalf("the program does not serve any more: %v", err)
	}
}
