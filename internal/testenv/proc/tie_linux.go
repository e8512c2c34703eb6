package proc

import (
	"os/exec"
	"syscall"
)

// startTied starts the program so that the kernel kills it when the thread that called this ends.
// A process group of its own keeps an interrupt at the terminal from reaching it: its owner decides.
func startTied(cmd *exec.Cmd) (release func(), err error) {
	cmd.SysProcAttr.Pdeathsig, cmd.SysProcAttr.Setpgid = syscall.SIGKILL, true
	return func() {}, cmd.Start()
}
