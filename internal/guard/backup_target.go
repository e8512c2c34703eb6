package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// openTarget prepares where a backup goes: a new folder, or a prefix of which nothing exists.
func openTarget(ctx context.Context, c *s3store.Client, bucket, to, name string) (target, error) {
	if len(to) < len(s3Scheme) || !strings.EqualFold(to[:len(s3Scheme)], s3Scheme) {
		return newFolderTarget(to, name)
	}
	host, prefix, _ := strings.Cut(to[len(s3Scheme):], "/")
	switch {
	case host == "" || strings.ContainsAny(host, "?#@:") || strings.ContainsAny(prefix, "?#"):
		// It is not repeated: it may carry credentials.
		return nil, errors.New("the backup target is not written s3://bucket/prefix, without credentials and parameters")
	case host == bucket:
		return nil, fmt.Errorf("the final backup of bucket %q would go into the bucket itself", bucket)
	}
	return newS3Target(ctx, c, host, prefix, name)
}

const s3Scheme = "s3://"

// nthName numbers the backups of one second.
func nthName(name string, n int) string {
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, n)
}

// folderTarget writes below a folder that it opened once; no name leads out of it.
type folderTarget struct {
	root *os.Root
	path string
}

func newFolderTarget(to, name string) (target, error) {
	parent, err := filepath.Abs(to)
	if err != nil {
		return nil, fmt.Errorf("finding the backup folder %s: %w", to, err)
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("creating the backup folder: %w", err)
	}
	var path string
	for n := 1; ; n++ {
		path = filepath.Join(parent, nthName(name, n))
		if err = os.Mkdir(path, 0o700); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("creating the backup folder: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening the backup folder: %w", err)
	}
	return &folderTarget{root: root, path: path}, nil
}

func (t *folderTarget) place() string { return t.path }

// close makes the names last, too: the files themselves were synced when they were written.
func (t *folderTarget) close() error {
	err := fs.WalkDir(t.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(t.root, filepath.FromSlash(name))
	})
	if err == nil {
		err = syncDir(nil, filepath.Dir(t.path))
	}
	return errors.Join(err, t.root.Close())
}

func (t *folderTarget) write(_ context.Context, name string, content *os.File) (stored, sum string, err error) {
	f, stored, err := t.create(name)
	if err != nil {
		return "", "", err
	}
	_, err = io.Copy(f, content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", "", fmt.Errorf("writing %s below %s: %w", name, t.path, err)
	}
	back, err := t.root.Open(filepath.FromSlash(stored))
	if err != nil {
		return "", "", fmt.Errorf("reading %s back: %w", name, err)
	}
	defer func() { _ = back.Close() }() // it was only read
	sum, err = hashOf(back)
	return stored, sum, err
}

// create opens a new file. Where one key is a folder of another ("infra" and "infra/x"), only one
// of the two can have its own path; the other goes under a name that the manifest tells.
func (t *folderTarget) create(name string) (f *os.File, stored string, err error) {
	f, err = t.tryCreate(name)
	if err == nil {
		return f, name, nil
	}
	hashed := sha256.Sum256([]byte(name))
	stored = "renamed/" + hex.EncodeToString(hashed[:])
	if f, err = t.tryCreate(stored); err != nil {
		return nil, "", fmt.Errorf("creating %s below %s: %w", name, t.path, err)
	}
	return f, stored, nil
}

func (t *folderTarget) tryCreate(name string) (*os.File, error) {
	path := filepath.FromSlash(name)
	if err := t.root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return t.root.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

// s3Target writes to another bucket of the same service.
type s3Target struct {
	c              *s3store.Client
	bucket, prefix string
}

func newS3Target(ctx context.Context, c *s3store.Client, bucket, under, name string) (target, error) {
	for n := 1; ; n++ {
		t := s3Target{c: c, bucket: bucket, prefix: joinKey(under, nthName(name, n))}
		taken, err := t.taken(ctx)
		if err != nil {
			return nil, fmt.Errorf("looking at the backup target %s: %w", t.place(), err)
		}
		if !taken {
			return t, nil
		}
	}
}

func (t s3Target) taken(ctx context.Context) (bool, error) {
	for _, err := range t.c.Objects(ctx, t.bucket, t.prefix+"/") {
		return err == nil, err
	}
	return false, nil
}

func joinKey(prefix, name string) string {
	if prefix = strings.Trim(prefix, "/"); prefix == "" {
		return name
	}
	return prefix + "/" + name
}

func (t s3Target) place() string { return s3Scheme + t.bucket + "/" + t.prefix }

func (t s3Target) close() error { return nil }

func (t s3Target) write(ctx context.Context, name string, content *os.File) (stored, sum string, err error) {
	key := t.prefix + "/" + name
	if _, err := t.c.Put(ctx, t.bucket, key, content); err != nil {
		return "", "", err
	}
	for range readTries {
		if sum, err = t.hash(ctx, key); err == nil || ctx.Err() != nil {
			break
		}
	}
	return name, sum, err
}

func (t s3Target) hash(ctx context.Context, key string) (string, error) {
	back, err := t.c.Get(ctx, t.bucket, key, "")
	if err != nil {
		return "", err
	}
	defer func() { _ = back.Close() }() // it was only read
	return hashOf(back)
}

func hashOf(r io.Reader) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return "", fmt.Errorf("reading the copy back: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
