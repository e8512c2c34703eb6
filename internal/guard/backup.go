package guard

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

const (
	// backupParallel objects are copied at once.
	backupParallel = 4
	// readTries is how often the body of one version is read that is cut in the middle.
	readTries = 3
)

// Manifest lists a backup; it is written last, so that a backup without one is incomplete.
type Manifest struct {
	FormatVersion string    `json:"format_version"`
	Bucket        string    `json:"bucket"`
	Endpoint      string    `json:"endpoint"`
	Region        string    `json:"region"`
	Created       time.Time `json:"created"`
	Entries       []Entry   `json:"entries"`
}

// Entry is one version of one object in a backup. Delete markers have no file.
type Entry struct {
	Key string `json:"key"`
	// KeyBytes is the key where it is no UTF-8, which JSON cannot carry.
	KeyBytes     []byte    `json:"key_bytes,omitempty"`
	VersionID    string    `json:"version_id,omitempty"`
	Current      bool      `json:"current"`
	DeleteMarker bool      `json:"delete_marker,omitempty"`
	LastModified time.Time `json:"last_modified"`
	Size         int64     `json:"size"`
	SHA256       string    `json:"sha256,omitempty"`
	File         string    `json:"file,omitempty"`
}

// target is where a backup goes.
type target interface {
	// write stores content under a name, or under another that it returns, and returns the SHA-256
	// of what is there when it is read back.
	write(ctx context.Context, name string, content *os.File) (stored, sum string, err error)
	// place names the backup for people.
	place() string
	// close makes sure that what was written stays.
	close() error
}

// Saved is a finished backup.
type Saved struct {
	// Place of the backup: a folder, or s3://bucket/prefix.
	Place string

	etags map[saved]string
}

// saved names a version.
type saved struct{ key, id string }

// Holds tells whether a version, as a listing shows it now, is in the backup. What probes write is
// nobody's, and counts as held. A nil Saved holds nothing else.
func (s *Saved) Holds(v s3store.Version) bool {
	if strings.HasPrefix(v.Key, s3store.ProbePrefix) {
		return true
	}
	if s == nil {
		return false
	}
	etag, found := s.etags[saved{v.Key, v.ID}]
	return found && etag == v.ETag
}

// Backup copies every version of every object in a bucket to a local folder or to s3://bucket/prefix
// on the same service, reads each copy back and compares it, and writes manifest.json at the end.
// What is written to the bucket meanwhile is not in it: delete only what Holds.
func Backup(ctx context.Context, c *s3store.Client, bucket, to string, now time.Time) (*Saved, error) {
	name := bucket + "-" + now.UTC().Format("20060102-150405")
	t, err := openTarget(ctx, c, bucket, to, name)
	if err != nil {
		return nil, err
	}
	b := &backup{c: c, bucket: bucket, target: t, etags: map[saved]string{}}
	err = b.run(ctx, now)
	if cerr := t.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, fmt.Errorf("backing up bucket %q to %s: %w", bucket, t.place(), err)
	}
	return &Saved{Place: t.place(), etags: b.etags}, nil
}

// backup is one under way.
type backup struct {
	c      *s3store.Client
	bucket string
	target target

	mu      sync.Mutex
	entries []Entry
	etags   map[saved]string
}

func (b *backup) run(ctx context.Context, now time.Time) error {
	if err := b.copyAll(ctx); err != nil {
		return err
	}
	slices.SortFunc(b.entries, func(x, y Entry) int {
		return cmp.Or(cmp.Compare(x.Key, y.Key), x.LastModified.Compare(y.LastModified), cmp.Compare(x.VersionID, y.VersionID))
	})
	text, err := json.MarshalIndent(Manifest{
		FormatVersion: "1.0", Bucket: b.bucket, Endpoint: b.c.Endpoint(), Region: b.c.Region(),
		Created: now.UTC(), Entries: b.entries,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	return store(ctx, b.target, "manifest.json", bytes.NewReader(text), &Entry{Size: int64(len(text))})
}

func (b *backup) copyAll(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(backupParallel)
	var listErr error
	for v, err := range b.c.Versions(gctx, b.bucket, "") {
		if err != nil {
			listErr = err
			break
		}
		if strings.HasPrefix(v.Key, s3store.ProbePrefix) {
			continue
		}
		g.Go(func() error {
			e, err := b.copyOne(gctx, v)
			if err != nil {
				return fmt.Errorf("version %q of %q: %w", v.ID, v.Key, err)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			b.entries = append(b.entries, e)
			b.etags[saved{v.Key, v.ID}] = v.ETag
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err // the copy's own error; the listing only saw its context end
	}
	return listErr
}

// copyOne copies one version. A body that is cut is read again from its start: the client repeats
// calls, and cannot repeat what came after them.
func (b *backup) copyOne(ctx context.Context, v s3store.Version) (Entry, error) {
	e := Entry{
		Key: v.Key, VersionID: v.ID, Current: v.IsLatest, DeleteMarker: v.DeleteMarker,
		LastModified: v.LastModified, Size: v.Size,
	}
	if !utf8.ValidString(v.Key) {
		e.KeyBytes = []byte(v.Key)
	}
	if v.DeleteMarker {
		return e, nil
	}
	var err error
	for range readTries {
		var cut *cutError
		if err = b.readAndStore(ctx, v, &e); !errors.As(err, &cut) || ctx.Err() != nil {
			break
		}
	}
	return e, err
}

func (b *backup) readAndStore(ctx context.Context, v s3store.Version, e *Entry) error {
	body, err := b.c.GetListed(ctx, b.bucket, v)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it was only read
	return store(ctx, b.target, fileName(v), body, e)
}

// cutError is content that ended early.
type cutError struct{ err error }

// Error implements error.
func (e *cutError) Error() string { return "reading the content: " + e.err.Error() }

// Unwrap gives the cause.
func (e *cutError) Unwrap() error { return e.err }

// store spools content, whose source cannot be read twice, writes it to the target and compares
// what is there afterwards.
func store(ctx context.Context, t target, name string, content io.Reader, e *Entry) error {
	spool, err := os.CreateTemp("", "groundwork-backup-*")
	if err != nil {
		return fmt.Errorf("creating a temporary file: %w", err)
	}
	defer func() {
		_ = spool.Close()
		_ = os.Remove(spool.Name())
	}()
	sum := sha256.New()
	out := &spooled{w: io.MultiWriter(spool, sum)}
	n, err := io.Copy(out, content)
	switch {
	case out.err != nil:
		return fmt.Errorf("writing a temporary file: %w", out.err)
	case err != nil:
		return &cutError{err: err}
	case n != e.Size:
		return &cutError{err: fmt.Errorf("the listing says %d bytes, %d came", e.Size, n)}
	}
	e.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("rewinding a temporary file: %w", err)
	}
	var readBack string
	if e.File, readBack, err = t.write(ctx, name, spool); err != nil {
		return err
	}
	if readBack != e.SHA256 {
		return errors.New("what was written to the backup is not what was read from the bucket")
	}
	return nil
}

// spooled tells a full disk from a source that failed.
type spooled struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (s *spooled) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		s.err = err
	}
	return n, err
}
