//go:build unix && !linux

package leaserun

import "syscall"

// signalOnDeath does nothing: macOS and the BSDs have no signal for the death of a parent. The child
// runs on, and its lease ends by itself.
func signalOnDeath(*syscall.SysProcAttr, OnLost) {}
