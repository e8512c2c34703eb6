//go:build !windows

package cli

import (
	"os"
	"syscall"
)

// stopSignals are what asks a command to stop.
func stopSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} }
