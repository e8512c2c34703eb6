package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// backupParallel objects are copied at once.
const backupParallel = 4

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
	Key          string    `json:"key"`
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
}

// Backup copies every version of every object in a bucket to a local folder or to s3://bucket/prefix
// on the same service, reads each copy back and compares it, and writes manifest.json at the end.
// It returns where the backup is.
func Backup(ctx context.Context, c *s3store.Client, bucket, to string, now time.Time) (string, error) {
	name := bucket + "-" + now.UTC().Format("20060102-150405")
	t, done, err := openTarget(c, bucket, to, name)
	if err != nil {
		return "", err
	}
	defer done()
	entries, err := copyAll(ctx, c, bucket, t)
	if err != nil {
		return "", err
	}
	m := Manifest{
		FormatVersion: "1.0", Bucket: bucket, Endpoint: c.Endpoint(), Region: c.Region(),
		Created: now.UTC(), Entries: entries,
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return "", fmt.Errorf("writing the backup's manifest: %w", err)
	}
	if err := store(ctx, t, "manifest.json", strings.NewReader(string(text)), &Entry{}); err != nil {
		return "", err
	}
	return t.place(), nil
}

func openTarget(c *s3store.Client, bucket, to, name string) (target, func(), error) {
	u, err := url.Parse(to)
	if err == nil && u.Scheme == "s3" {
		if u.Host == bucket {
			return nil, nil, fmt.Errorf("the final backup of bucket %q would go into the bucket itself", bucket)
		}
		return s3Target{c: c, bucket: u.Host, prefix: joinKey(u.Path, name)}, func() {}, nil
	}
	return newFolderTarget(to, name)
}

func joinKey(prefix, name string) string {
	if prefix = strings.Trim(prefix, "/"); prefix == "" {
		return name
	}
	return prefix + "/" + name
}

func copyAll(ctx context.Context, c *s3store.Client, bucket string, t target) ([]Entry, error) {
	var (
		mu      sync.Mutex
		entries []Entry
		listErr error
	)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(backupParallel)
	for v, err := range c.Versions(gctx, bucket, "") {
		if err != nil {
			listErr = err
			break
		}
		if strings.HasPrefix(v.Key, s3store.ProbePrefix) {
			continue
		}
		g.Go(func() error {
			e, err := copyOne(gctx, c, bucket, v, t)
			if err != nil {
				return fmt.Errorf("backing up version %q of %q: %w", v.ID, v.Key, err)
			}
			mu.Lock()
			defer mu.Unlock()
			entries = append(entries, e)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return slices.Compare([]string{a.Key, a.LastModified.Format(time.RFC3339Nano), a.VersionID}, []string{b.Key, b.LastModified.Format(time.RFC3339Nano), b.VersionID})
	})
	return entries, listErr
}

func copyOne(ctx context.Context, c *s3store.Client, bucket string, v s3store.Version, t target) (Entry, error) {
	e := Entry{
		Key: v.Key, VersionID: v.ID, Current: v.IsLatest, DeleteMarker: v.DeleteMarker,
		LastModified: v.LastModified, Size: v.Size,
	}
	if v.DeleteMarker {
		return e, nil
	}
	body, err := c.Get(ctx, bucket, v.Key, v.ID)
	if err != nil {
		return e, err
	}
	defer func() { _ = body.Close() }() // it was only read
	if err := store(ctx, t, fileName(v), body, &e); err != nil {
		return e, err
	}
	return e, nil
}

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
	n, err := io.Copy(io.MultiWriter(spool, sum), content)
	if err != nil {
		return fmt.Errorf("reading the content: %w", err)
	}
	if e.Key != "" && n != e.Size {
		return fmt.Errorf("the listing says %d bytes, %d came", e.Size, n)
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

// fileName keeps a key readable and safe as a relative path on every system. Current versions are
// under objects/, superseded ones under versions/<key>/<version>.
func fileName(v s3store.Version) string {
	parts := strings.Split(v.Key, "/")
	for i, p := range parts {
		parts[i] = escapeSegment(p)
	}
	name := strings.Join(parts, "/")
	if v.IsLatest {
		return "objects/" + name
	}
	return "versions/" + name + "/" + escapeSegment(v.ID)
}

func escapeSegment(s string) string {
	switch s {
	case "":
		return "%"
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}
	var b strings.Builder
	for i := range len(s) {
		ch := s[i]
		if ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z' || ch >= '0' && ch <= '9' || strings.IndexByte("._-", ch) >= 0 {
			b.WriteByte(ch)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", ch)
	}
	if b.Len() > 200 {
		sum := sha256.Sum256([]byte(s))
		return b.String()[:100] + "%" + hex.EncodeToString(sum[:])
	}
	return b.String()
}
