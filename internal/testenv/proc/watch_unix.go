//go:build !windows

package proc

import (
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
)

// watch kills pid when this process ends, for systems where the kernel does not: a shell reads from
// a pipe that only this process writes to, and so learns of its end however it comes. Calling
// release as soon as the program has ended ends the watch too, before the pid is used again.
func watch(pid int) (release func(), err error) {
	const script = `read -r _; kill -9 "$1"`
	// #nosec G204 -- a fixed script and a number
	shell := exec.Command("/bin/sh", "-c", script, "sh", strconv.Itoa(pid)) //nolint:noctx // it ends with release or with this process
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, fmt.Errorf("starting the watch over process %d: %w", pid, err)
	}
	return func() {
		_ = shell.Process.Kill() // before the pipe closes, or it would kill
		_ = pipe.Close()
		_ = shell.Wait()
	}, nil
}
