package testenv

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// AsNobody makes this thread's file accesses those of an ordinary user, if the tests run as root, whom
// no mode keeps out.
func AsNobody(tb testing.TB) {
	tb.Helper()
	if os.Getuid() != 0 {
		return
	}
	runtime.LockOSThread()
	if err := syscall.Setfsuid(65534); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = syscall.Setfsuid(0)
		runtime.UnlockOSThread()
	})
}
