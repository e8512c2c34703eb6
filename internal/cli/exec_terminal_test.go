//go:build linux

package cli_test

import (
	"strings"
	"syscall"
	"testing"
)

// At a terminal everything below exec shares one process group. A lost lock interrupts the command all
// the same, also where a shell or another exec stands in between, which leave that to the terminal.
func TestExecLosesTheLockAtATerminal(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	gw := groundwork(t)
	for name, between := range map[string]func(cmd []string) []string{
		"alone":  func(cmd []string) []string { return cmd },
		"nested": func(cmd []string) []string { return append([]string{gw, "exec", "--lock", "inner", "--"}, cmd...) },
		"same":   func(cmd []string) []string { return append([]string{gw, "exec", "--lock", "same", "--"}, cmd...) },
		"script": func(cmd []string) []string {
			return []string{"bash", "-c", strings.Join(cmd, " ") + "; exit $?"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := *l
			l.t = t
			// The command is a script of its own, so that nobody has to quote it.
			file := l.write("cmd-"+name, "#!/bin/bash\n"+l.trap(name)[2]+"\n")
			j := l.startTTY(append([]string{"--lock", name, "--lease", "3s", "--"}, between([]string{file})...)...)
			l.await("in-" + name)
			l.sql("DELETE FROM pulumi_state_locks WHERE lockid = '" + name + "'")
			j.says("IS LOST")
			l.await("int-" + name)
			if !j.running() {
				t.Error("the command may not finish")
			}
			l.write("go-"+name, "")
			j.ends(0)
		})
	}
}

// What the command has started is killed with it.
func TestExecKillsAllAtATerminal(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	file := l.write("cmd", "#!/bin/bash\n"+l.trap("x")[2]+"\n")
	j := l.startTTY("--lock", "x", "--lease", "3s", "--on-lost", "kill", "--", "bash", "-c", file+"; :")
	l.await("in-x")
	l.sql("DELETE FROM pulumi_state_locks")
	j.ends(128 + 9)
	l.write("go-x", "")
	if l.exists("int-x") || l.exists("end-x") {
		t.Error("the script went on")
	}
}

// kill -9 of the outer exec at a terminal: the inner one hears of it by a signal that no key has sent.
func TestExecNestedKilledAtATerminal(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	outer := l.write("outer", "#!/bin/bash\necho $$ > pid\nexec "+groundwork(t)+" exec --lock outer -- "+
		groundwork(t)+" exec --lock inner -- "+l.write("cmd", "#!/bin/bash\n"+l.trap("x")[2]+"\n"))
	// The shell keeps the terminal open.
	j := l.startTTY("--lock", "terminal", "--", "bash", "-c", outer+"; until [ -e "+l.path("end-x")+" ]; do sleep 0.05; done")
	l.await("in-x")
	if err := syscall.Kill(l.number("pid"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	l.await("int-x")
	l.write("go-x", "")
	j.ends(0)
}
