package s3store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// staleRecord is the age from which a record is of no use: what its probe left was swept long before.
const staleRecord = 24 * time.Hour

// probeRecords keeps a file for each probe that this user runs on this machine, named after the
// probe's ID. The process holds the operating system's lock on it, which ends with the process
// however it ends. A record that can be locked is proof that its probe runs no more; without a
// record nothing is known.
type probeRecords struct {
	// dir is empty where there is no place for records.
	dir string
}

// defaultProbeRecords are in the user's cache. The host is part of the path, since the folder may be
// on a file system of several machines, which need not see each other's locks.
func defaultProbeRecords() probeRecords {
	cache, err := os.UserCacheDir()
	if err != nil {
		return probeRecords{}
	}
	host, err := os.Hostname()
	if err != nil || host == "" || strings.ContainsAny(host, `/\`) {
		return probeRecords{}
	}
	return probeRecords{dir: filepath.Join(cache, "groundwork", "probes", host)}
}

// begin records a probe before it writes anything. end removes the record if nothing can be left of
// the probe; else it stays for whoever sweeps up. Without a record the probe goes on: what it leaves
// is then swept up by its age.
func (p probeRecords) begin(id string) (end func(clean bool)) {
	if p.dir == "" || os.MkdirAll(p.dir, 0o700) != nil {
		return func(bool) {}
	}
	p.prune()
	lock := p.record(id, os.O_CREATE|os.O_EXCL)
	held, err := lock.TryLock()
	if err != nil || !held {
		_ = lock.Close()
		if !errors.Is(err, fs.ErrExist) {
			_ = os.Remove(lock.Path()) // without its lock it would call this probe dead
		}
		return func(bool) {}
	}
	return func(clean bool) {
		_ = lock.Close()
		if clean {
			_ = os.Remove(lock.Path())
		}
	}
}

// ended tells whether a probe has certainly come to its end.
func (p probeRecords) ended(id string) bool {
	if p.dir == "" || id == "" || strings.ContainsAny(id, `/\.`) {
		return false
	}
	lock := p.record(id, 0)
	held, err := lock.TryLock()
	_ = lock.Close()
	return held && err == nil
}

// prune drops records that have become useless.
func (p probeRecords) prune() {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > staleRecord && p.ended(entry.Name()) {
			_ = os.Remove(filepath.Join(p.dir, entry.Name()))
		}
	}
}

func (p probeRecords) record(id string, flags int) *flock.Flock {
	return flock.New(filepath.Join(p.dir, id), flock.SetFlag(os.O_RDWR|flags), flock.SetPermissions(0o600))
}

// probeID returns the ID of the probe that an object belongs to.
func probeID(key string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(key, ProbePrefix), "/")
	return id
}
