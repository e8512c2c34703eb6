//go:build !windows

package postgres

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// RunAs returns how to start a program that refuses to run as root, and the function that gives
// files to its user. For anybody but root there is nothing to do.
func RunAs() (*syscall.SysProcAttr, func(paths ...string) error, error) {
	if os.Geteuid() != 0 {
		return nil, func(...string) error { return nil }, nil
	}
	uid, gid, err := unprivileged()
	if err != nil {
		return nil, nil, err
	}
	attr := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	give := func(paths ...string) error {
		for _, path := range paths {
			if err := os.Chown(path, int(uid), int(gid)); err != nil {
				return err
			}
		}
		return nil
	}
	return attr, give, nil
}

func unprivileged() (uid, gid uint32, err error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return uint32(uid), uint32(gid), nil
		}
	}
	return 0, 0, fmt.Errorf("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody to run it as; run the tests as another user")
}

// interrupt asks the server for a fast shutdown: it does not wait for its clients to leave.
func (s *Server) interrupt() error {
	return syscall.Kill(s.process.PID(), syscall.SIGINT)
}
