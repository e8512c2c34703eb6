//go:build !windows

package proc

import (
	"fmt"
	"os/exec"
	"strconv"
	"testing"
)

// playWatcher starts a server that nothing ties to this process, and watches it.
func playWatcher(port string) error {
	cmd := untied(port)
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err := watch(cmd.Process.Pid); err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	for !portTaken(number) { //nolint:revive // until it serves
	}
	fmt.Println(port)
	select {}
}

func untied(port string) *exec.Cmd {
	s := server("serve")
	cmd := exec.Command(s.Path, port) //nolint:gosec,noctx // this test binary
	cmd.Env = s.Env
	return cmd
}

func TestWatchKillsWhenItsOwnerIsKilled(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	owner, _ := startRole(t, "watcher", strconv.Itoa(port))
	kill(t, owner)
	awaitFree(t, port)
}

func TestWatchReleaseLeavesTheProgramAlone(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	cmd := untied(strconv.Itoa(port))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(t, cmd) })
	release, err := watch(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	release() // the shell has ended when this returns
	for ready(t.Context(), port) != nil {
		if err := t.Context().Err(); err != nil {
			t.Fatalf("the program does not serve any more: %v", err)
		}
	}
}
