package toollock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// File is a small file of a Pulumi backend.
type File struct {
	Name    string
	Data    []byte
	Written time.Time
}

// Files is where a Pulumi backend keeps its files. Names have slashes on every system.
type Files interface {
	// URL is how people know the file.
	URL(name string) string
	// List reads all files whose name starts with a folder, at any depth. A folder that is not there
	// has none.
	List(ctx context.Context, dir string) ([]File, error)
	// Put writes a file.
	Put(ctx context.Context, name string, data []byte) error
	// Delete removes a file, with data only while it holds just that. What is not there, or holds
	// something else, is an error only with data.
	Delete(ctx context.Context, name string, data []byte) error
}

// errNoFile means that a file is not there, or is not the one that was seen.
var errNoFile = errors.New("the file is gone or another one")

// BucketFiles is a Pulumi backend in a bucket: s3://bucket/prefix.
func BucketFiles(client *s3store.Client, bucket, prefix string) Files {
	prefix = strings.Trim(prefix, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &bucketFiles{client: client, bucket: bucket, prefix: prefix}
}

type bucketFiles struct {
	client         *s3store.Client
	bucket, prefix string
}

func (b *bucketFiles) URL(name string) string {
	return strings.TrimSuffix(s3URL(b.bucket, b.prefix+name), "/")
}

func (b *bucketFiles) List(ctx context.Context, dir string) ([]File, error) {
	var keys []string
	for o, err := range b.client.Objects(ctx, b.bucket, b.prefix+dir) {
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(o.Key, "/") {
			keys = append(keys, o.Key)
		}
	}
	found := make([]*File, len(keys))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(inspectParallel)
	for i, key := range keys {
		g.Go(func() error {
			o, err := b.client.ReadSmall(gctx, b.bucket, key)
			if isNoKey(err) {
				return nil
			}
			found[i] = &File{Name: strings.TrimPrefix(key, b.prefix), Data: o.Body, Written: o.LastModified}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out []File
	for _, f := range found {
		if f != nil { // it vanished between the listing and the reading
			out = append(out, *f)
		}
	}
	return out, nil
}

func (b *bucketFiles) Put(ctx context.Context, name string, data []byte) error {
	return b.client.PutSmall(ctx, b.bucket, b.prefix+name, data)
}

func (b *bucketFiles) Delete(ctx context.Context, name string, data []byte) error {
	key := b.prefix + name
	version := ""
	if data != nil {
		o, err := b.client.ReadSmall(ctx, b.bucket, key)
		if isNoKey(err) || err == nil && !bytes.Equal(o.Body, data) {
			return errNoFile
		}
		if err != nil {
			return err
		}
		if o.Versioned() {
			version = o.VersionID
		}
	}
	err := b.client.DeleteObject(ctx, b.bucket, key, version)
	if version != "" && (errors.Is(err, s3store.ErrAccessDenied) || errors.Is(err, s3store.ErrUnsupported)) {
		// Without the right to delete versions it goes as Pulumi does it. Nobody writes a file of this
		// name a second time: each lock has a name of its own.
		err = b.client.DeleteObject(ctx, b.bucket, key, "")
	}
	return err
}

// DirFiles is a Pulumi backend in a folder: file://path.
func DirFiles(dir string) Files { return &dirFiles{dir: dir} }

type dirFiles struct{ dir string }

// attributes is what the library that Pulumi uses for files puts beside each of them.
const attributes = ".attrs"

func (d *dirFiles) path(name string) string { return filepath.Join(d.dir, filepath.FromSlash(name)) }

func (d *dirFiles) URL(name string) string {
	return "file://" + strings.TrimSuffix(filepath.ToSlash(filepath.Join(d.dir, filepath.FromSlash(name))), "/")
}

func (d *dirFiles) List(_ context.Context, dir string) ([]File, error) {
	var out []File
	err := filepath.WalkDir(d.path(dir), func(file string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !entry.Type().IsRegular() || strings.HasSuffix(file, attributes) {
			return err
		}
		data, err := os.ReadFile(file) //nolint:gosec // in the folder of the backend
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(d.dir, file)
		if err != nil {
			return err
		}
		out = append(out, File{Name: filepath.ToSlash(name), Data: data})
		return nil
	})
	return out, err
}

func (d *dirFiles) Put(_ context.Context, name string, data []byte) error {
	file := d.path(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	// Beside the folder of the locks: Pulumi fails on a lock that is only half written.
	tmp, err := os.CreateTemp(d.dir, ".groundwork-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", file, err), os.Remove(tmp.Name()))
	}
	return nil
}

func (d *dirFiles) Delete(_ context.Context, name string, data []byte) error {
	file := d.path(name)
	if data != nil {
		now, err := os.ReadFile(file) //nolint:gosec // in the folder of the backend
		if errors.Is(err, fs.ErrNotExist) || err == nil && !bytes.Equal(now, data) {
			return errNoFile
		}
		if err != nil {
			return err
		}
	}
	for _, f := range []string{file + attributes, file} {
		if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
