//go:build unix && !linux

package leaserun

import (
	"bytes"
	"fmt"
	"os/exec"
)

// processes asks ps, whose options here are those of POSIX, but for the state, which macOS and the BSDs
// write alike.
func processes() ([]process, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "pgid=", "-o", "stat=").Output() //nolint:noctx // it ends by itself
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	var all []process
	for line := range bytes.Lines(out) {
		var p process
		var state string
		if _, err := fmt.Sscan(string(line), &p.pid, &p.parent, &p.group, &state); err == nil {
			p.in(state)
			all = append(all, p)
		}
	}
	return all, nil
}
