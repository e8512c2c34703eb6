//go:build !windows && !linux

package proc

import (
	"errors"
	"os/exec"
)

// startTied starts the program and has it killed when this process ends.
func startTied(cmd *exec.Cmd) (release func(), err error) {
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	release, err = watch(cmd.Process.Pid)
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	return release, nil
}
