package postgres

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// RunAs returns how to start a program that refuses to run as root, which Windows does not have.
func RunAs() (*syscall.SysProcAttr, func(paths ...string) error, error) {
	return nil, func(...string) error { return nil }, nil
}

// interrupt asks the server for a fast shutdown. Windows has no signals; pg_ctl has its own.
func (s *Server) interrupt() error {
	// #nosec G204 -- the program that was found beside the server
	return exec.Command(filepath.Join(s.bin, "pg_ctl"), "kill", "INT", strconv.Itoa(s.process.PID())).Run() //nolint:noctx // it ends at once
}
