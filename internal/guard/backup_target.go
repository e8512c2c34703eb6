package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// folderTarget writes below a folder that it opened once; no name leads out of it.
type folderTarget struct {
	root *os.Root
	path string
}

func newFolderTarget(to, name string) (target, func(), error) {
	path, err := filepath.Abs(filepath.Join(to, name))
	if err != nil {
		return nil, nil, fmt.Errorf("finding the backup folder %s: %w", to, err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, nil, fmt.Errorf("creating the backup folder: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the backup folder: %w", err)
	}
	return &folderTarget{root: root, path: path}, func() { _ = root.Close() }, nil
}

func (t *folderTarget) place() string { return t.path }

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

func (t s3Target) place() string { return "s3://" + t.bucket + "/" + t.prefix }

func (t s3Target) write(ctx context.Context, name string, content *os.File) (stored, sum string, err error) {
	key := t.prefix + "/" + name
	if _, err := t.c.Put(ctx, t.bucket, key, content); err != nil {
		return "", "", err
	}
	back, err := t.c.Get(ctx, t.bucket, key, "")
	if err != nil {
		return "", "", err
	}
	defer func() { _ = back.Close() }() // it was only read
	sum, err = hashOf(back)
	return name, sum, err
}

func hashOf(r io.Reader) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return "", fmt.Errorf("reading the copy back: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
