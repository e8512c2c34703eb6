package toollock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// LockfileSuffix follows the key of a state in the key of its lock.
const LockfileSuffix = ".tflock"

// Lockfile is the lock object of the s3 backend with use_lockfile, in Terraform and OpenTofu since
// 1.10: <state key>.tflock, written with the condition that no such object exists (If-None-Match).
//
// It protects one state, of one workspace, from runs of Terraform, OpenTofu and groundwork that use
// it, on services that honour the condition; on a service that ignores it, it protects from nothing.
// It does not end: a run that dies leaves it behind, and `terraform force-unlock ID` or `groundwork
// locks break ID --force` removes it. Nothing stops the old holder from writing after that. Reading
// the state needs no lock.
type Lockfile struct {
	client      *s3store.Client
	bucket, key string
}

// NewLockfile is the lock of the state at a key, which for a workspace other than the default one
// is <workspace_key_prefix>/<workspace>/<key>.
func NewLockfile(client *s3store.Client, bucket, stateKey string) *Lockfile {
	return &Lockfile{client: client, bucket: bucket, key: stateKey + LockfileSuffix}
}

// Kind implements Place.
func (f *Lockfile) Kind() Kind { return KindLockfile }

// String implements Place.
func (f *Lockfile) String() string { return s3URL(f.bucket, f.key) }

func s3URL(bucket, key string) string { return "s3://" + bucket + "/" + key }

// path is what the s3 backend writes as Path.
func (f *Lockfile) path() string { return f.bucket + "/" + strings.TrimSuffix(f.key, LockfileSuffix) }

// tries is how often a lock is asked for that vanishes as soon as it is looked at.
const tries = 3

// Acquire implements Place.
func (f *Lockfile) Acquire(ctx context.Context, info lease.Info) (*Grant, error) {
	info = complete(info, f.path())
	body := encode(info)
	var err error
	for range tries {
		var made s3store.Small
		if made, err = f.client.CreateSmall(ctx, f.bucket, f.key, body); err == nil {
			return f.grant(made), nil
		}
		seen, readErr := f.client.ReadSmall(context.WithoutCancel(ctx), f.bucket, f.key)
		switch {
		case readErr == nil && bytes.Equal(seen.Body, body):
			return f.grant(seen), nil // the answer was lost, not the lock
		case !errors.Is(err, s3store.ErrPreconditionFailed):
			return nil, fmt.Errorf("taking the lock %s: %w", f, err)
		case readErr == nil:
			return nil, &HeldError{Locks: []Lock{f.lock(seen)}}
		case !errors.Is(readErr, s3store.ErrNotFound):
			return nil, &HeldError{Locks: []Lock{f.unread(readErr)}}
		}
	}
	return nil, fmt.Errorf("taking the lock %s: it changes hands faster than it can be read: %w", f, err)
}

func (f *Lockfile) grant(made s3store.Small) *Grant {
	l := f.lock(made)
	return &Grant{Lock: l, release: func(ctx context.Context) error {
		err := f.remove(ctx, made)
		if errors.Is(err, lease.ErrChanged) {
			return lost(l)
		}
		return err
	}}
}

func (f *Lockfile) lock(o s3store.Small) Lock {
	l := Lock{
		Kind: KindLockfile, Place: f.String(), Protects: strings.TrimSuffix(f.String(), LockfileSuffix),
		Since: o.LastModified, at: f, version: o.VersionID + " " + o.ETag,
	}
	l.decode(o.Body)
	return l
}

// unread is a lock whose content cannot be had, such as one that is encrypted with a key of the
// holder's own.
func (f *Lockfile) unread(err error) Lock {
	return Lock{
		Kind: KindLockfile, Place: f.String(), Protects: strings.TrimSuffix(f.String(), LockfileSuffix),
		at: f, Problem: "the lock cannot be read: " + err.Error(),
	}
}

// Inspect implements Place.
func (f *Lockfile) Inspect(ctx context.Context) ([]Lock, error) {
	o, err := f.client.ReadSmall(ctx, f.bucket, f.key)
	if isNoKey(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the lock %s: %w", f, err)
	}
	return []Lock{f.lock(o)}, nil
}

// isNoKey tells that there is no such object; a missing bucket is an error.
func isNoKey(err error) bool {
	var ce *s3store.CallError
	return errors.Is(err, s3store.ErrNotFound) && errors.As(err, &ce) && ce.Code != "NoSuchBucket"
}

// Break implements Place.
func (f *Lockfile) Break(ctx context.Context, seen Lock, by lease.Info) error {
	now, err := f.client.ReadSmall(ctx, f.bucket, f.key)
	if isNoKey(err) {
		return changed(seen)
	}
	if err != nil {
		return fmt.Errorf("reading the lock %s: %w", f, err)
	}
	if f.lock(now).version != seen.version {
		return changed(seen)
	}
	if err := f.remove(ctx, now); err != nil {
		if errors.Is(err, lease.ErrChanged) {
			return changed(seen)
		}
		return err
	}
	return recordInBucket(ctx, f.client, f.bucket, "", newRecord(seen, by))
}

// remove deletes exactly the object that was seen. Where the bucket keeps versions, the version is
// deleted, and no other one can be hit. Elsewhere, and for roles that may not delete versions, the
// lock is first taken over on the condition that it is still the same.
func (f *Lockfile) remove(ctx context.Context, seen s3store.Small) error {
	now, err := f.client.ReadSmall(ctx, f.bucket, f.key)
	switch {
	case isNoKey(err):
		return changed(f.lock(seen))
	case err != nil:
		return fmt.Errorf("reading the lock %s: %w", f, err)
	case !bytes.Equal(now.Body, seen.Body), now.Versioned() && seen.Versioned() && now.VersionID != seen.VersionID:
		return changed(f.lock(seen))
	}
	if now.Versioned() {
		err := f.client.DeleteObject(ctx, f.bucket, f.key, now.VersionID)
		if err == nil {
			return nil
		}
		if !errors.Is(err, s3store.ErrAccessDenied) && !errors.Is(err, s3store.ErrUnsupported) {
			return fmt.Errorf("removing the lock %s: %w", f, err)
		}
	}
	taken, err := f.takeOver(ctx, now)
	if err != nil {
		return err
	}
	return f.discard(ctx, taken)
}

// takeOver makes a lock that was read groundwork's own, and returns what stands there then. A service
// without conditional overwrites leaves what the tools do: to delete what was just read.
func (f *Lockfile) takeOver(ctx context.Context, now s3store.Small) (body []byte, err error) {
	body = encode(complete(lease.Info{Operation: "break", Info: "being removed by groundwork"}, f.path()))
	for try := 1; ; try++ {
		_, err := f.client.ReplaceSmall(ctx, f.bucket, now, body)
		switch {
		case err == nil:
			return body, nil
		case errors.Is(err, s3store.ErrUnsupported):
			return now.Body, nil
		}
		// The answer may be lost: what stands there tells.
		found, readErr := f.client.ReadSmall(ctx, f.bucket, f.key)
		switch {
		case readErr == nil && bytes.Equal(found.Body, body):
			return body, nil
		case isNoKey(readErr), readErr == nil && !bytes.Equal(found.Body, now.Body):
			return nil, changed(f.lock(now))
		case readErr != nil, try == tries:
			return nil, fmt.Errorf("removing the lock %s: %w", f, err)
		}
	}
}

// discard deletes the lock while it holds just that: where an answer was lost, another one may stand
// there already, of somebody who came since.
func (f *Lockfile) discard(ctx context.Context, body []byte) error {
	for try := 1; ; try++ {
		err := f.client.DeleteSmall(ctx, f.bucket, f.key)
		if err == nil {
			return nil
		}
		found, readErr := f.client.ReadSmall(ctx, f.bucket, f.key)
		switch {
		case isNoKey(readErr), readErr == nil && !bytes.Equal(found.Body, body):
			return nil
		case readErr != nil, try == tries:
			return fmt.Errorf("removing the lock %s: %w", f, err)
		}
	}
}

// inspectParallel locks are read at once.
const inspectParallel = 8

// Lockfiles lists the lock objects under a prefix of a bucket.
func Lockfiles(ctx context.Context, client *s3store.Client, bucket, prefix string) ([]Lock, error) {
	return lockfiles(ctx, client, bucket, prefix, func(string) bool { return true })
}

// lockfiles lists those of the states that are wanted.
func lockfiles(ctx context.Context, client *s3store.Client, bucket, prefix string, wanted func(stateKey string) bool) ([]Lock, error) {
	var keys []string
	for o, err := range client.Objects(ctx, bucket, prefix) {
		if err != nil {
			return nil, err
		}
		if state, ok := strings.CutSuffix(o.Key, LockfileSuffix); ok && wanted(state) {
			keys = append(keys, o.Key)
		}
	}
	found := make([][]Lock, len(keys))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(inspectParallel)
	for i, key := range keys {
		g.Go(func() error {
			place := &Lockfile{client: client, bucket: bucket, key: key}
			locks, err := place.Inspect(gctx)
			if err != nil && gctx.Err() == nil {
				locks, err = []Lock{place.unread(err)}, nil
			}
			found[i] = locks
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var all []Lock
	for _, locks := range found {
		all = append(all, locks...)
	}
	return sorted(all), nil
}
