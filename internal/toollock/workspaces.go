package toollock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// S3States are the states of all workspaces of one s3 backend.
type S3States struct {
	// Bucket and Key are those of the default workspace's state.
	Bucket, Key string
	// Prefix is the workspace_key_prefix: any other workspace's state is at <prefix>/<workspace>/<key>.
	Prefix string
}

// has tells that a key is that of a state of the backend.
func (s S3States) has(key string) bool {
	if key == s.Key {
		return true
	}
	rest, ok := strings.CutPrefix(key, s.folder())
	name, rest, cut := strings.Cut(rest, "/")
	return ok && cut && name != "" && rest == s.Key
}

// folder holds the states of all workspaces but the default one.
func (s S3States) folder() string {
	if s.Prefix == "" {
		return ""
	}
	return path.Clean(s.Prefix) + "/"
}

// Lockfiles lists the lock objects of all workspaces.
func (s S3States) Lockfiles(ctx context.Context, client *s3store.Client) ([]Lock, error) {
	// By its key: a role may have no right to list more than the folder of the workspaces.
	locks, err := NewLockfile(client, s.Bucket, s.Key).Inspect(ctx)
	others, listErr := lockfiles(ctx, client, s.Bucket, s.folder(), func(key string) bool { return key != s.Key && s.has(key) })
	return sorted(append(locks, others...)), errors.Join(err, listErr)
}

// DynamoDB lists the items of all workspaces in a table. Where the role may not scan the table, which
// the tools do not do, it asks for the items of those workspaces that have a state.
func (s S3States) DynamoDB(ctx context.Context, client *dynamolock.Client, table string, store *s3store.Client) ([]Lock, error) {
	all, err := DynamoDBLocks(ctx, client, table)
	if errors.Is(err, dynamolock.ErrDenied) {
		return s.items(ctx, client, table, store)
	}
	var locks []Lock
	for _, l := range all {
		if key, ok := strings.CutPrefix(l.Protects, s3URL(s.Bucket, "")); ok && s.has(key) {
			locks = append(locks, l)
		}
	}
	return locks, err
}

func (s S3States) items(ctx context.Context, client *dynamolock.Client, table string, store *s3store.Client) ([]Lock, error) {
	keys := []string{s.Key}
	var errs []error
	for o, err := range store.Objects(ctx, s.Bucket, s.folder()) {
		if err != nil {
			errs = append(errs, err)
			break
		}
		if o.Key != s.Key && s.has(o.Key) {
			keys = append(keys, o.Key)
		}
	}
	var locks []Lock
	for _, key := range keys {
		found, err := NewDynamoDB(client, table, s.Bucket, key).Inspect(ctx)
		locks, errs = append(locks, found...), append(errs, err)
	}
	return sorted(locks), errors.Join(errs...)
}

// LocalLocks lists the locks of all workspaces of a local backend: on the state file of the default
// workspace, and on <dir>/<workspace>/terraform.tfstate.
func LocalLocks(ctx context.Context, file, dir string) ([]Lock, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	files := []string{file}
	for _, e := range entries {
		if e.IsDir() {
			files = append(files, filepath.Join(dir, e.Name(), "terraform.tfstate"))
		}
	}
	var locks []Lock
	errs := []error{err}
	for _, f := range files {
		found, err := NewLocal(f).Inspect(ctx)
		locks, errs = append(locks, found...), append(errs, err)
	}
	return sorted(locks), errors.Join(errs...)
}
