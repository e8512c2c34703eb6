package leaserun

import "syscall"

// signalOnDeath has the kernel tell the child when this process dies without a chance to do so
// itself, as by kill -9: nobody renews the lease any more. It does what losing the lease does.
func signalOnDeath(attr *syscall.SysProcAttr, onLost OnLost) {
	switch onLost {
	case Warn:
	case Kill:
		attr.Pdeathsig = syscall.SIGKILL
	default:
		attr.Pdeathsig = syscall.SIGINT
	}
}
