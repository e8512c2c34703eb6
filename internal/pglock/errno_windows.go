package pglock

import (
	"errors"
	"syscall"
)

// The numbers of Winsock, which package syscall has only in part.
const (
	wsaENETUNREACH  = syscall.Errno(10051)
	wsaECONNREFUSED = syscall.Errno(10061)
	wsaEHOSTUNREACH = syscall.Errno(10065)
)

func isRefused(err error) bool { return errors.Is(err, wsaECONNREFUSED) }

func isUnreachable(err error) bool {
	return errors.Is(err, wsaENETUNREACH) || errors.Is(err, wsaEHOSTUNREACH)
}
