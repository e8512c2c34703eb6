package toollock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// pulumiLocks is the folder of a Pulumi backend that locks are in. Backends that Pulumi keeps itself
// know one organisation only, which is called so.
const (
	pulumiLocks = ".pulumi/locks/"
	pulumiOrg   = "organization"
)

// Pulumi is the lock of a stack in a backend that Pulumi keeps itself, in a bucket or a folder: a
// file of its own for each process that wants the stack. Who wants it looks whether there is another
// one, writes its own, looks again, and gives way if there is one now.
//
// It protects one stack from up, destroy, refresh and import of Pulumi and from groundwork; previews
// take no lock. It needs a store whose listings show what was written before: all S3 services that
// groundwork knows do. Two who come at the same time may both give way. It does not end: a run that
// dies leaves it behind, and `pulumi cancel` removes all locks of the stack, or `groundwork locks
// break ID --force` one. Nothing stops the old holder from writing after that.
type Pulumi struct {
	store          Files
	project, stack string
}

// NewPulumi is the lock of a stack. A backend in the legacy layout knows no projects: there the project
// is empty.
func NewPulumi(store Files, project, stack string) *Pulumi {
	return &Pulumi{store: store, project: project, stack: stack}
}

// Kind implements Place.
func (p *Pulumi) Kind() Kind { return KindPulumi }

// dir is where the locks of the stack are; a backend without projects knows no organisation either.
func (p *Pulumi) dir() string {
	if p.project == "" {
		return pulumiLocks + p.stack + "/"
	}
	return pulumiLocks + path.Join(pulumiOrg, p.project, p.stack) + "/"
}

// String implements Place.
func (p *Pulumi) String() string { return p.store.URL(p.dir()) }

// pulumiLock is the content of a lock. Pulumi reads the first four and passes over the others.
type pulumiLock struct {
	PID       int       `json:"pid"`
	Username  string    `json:"username"`
	Hostname  string    `json:"hostname"`
	Timestamp time.Time `json:"timestamp"`
	Operation string    `json:"operation,omitempty"`
	Info      string    `json:"info,omitempty"`
	Version   string    `json:"version,omitempty"`
}

// Acquire implements Place.
func (p *Pulumi) Acquire(ctx context.Context, info lease.Info) (*Grant, error) {
	if p.stack == "" || strings.ContainsAny(p.stack+p.project, "/\\") {
		return nil, fmt.Errorf("%q in project %q is no name of a stack", p.stack, p.project)
	}
	info = complete(info, p.dir())
	user, host, _ := strings.Cut(info.Who, "@")
	data, err := json.Marshal(pulumiLock{
		PID: os.Getpid(), Username: user, Hostname: host, Timestamp: info.Created,
		Operation: info.Operation, Info: info.Info, Version: info.Version,
	})
	if err != nil {
		return nil, fmt.Errorf("taking the lock %s: %w", p, err)
	}
	name := p.dir() + info.ID + ".json"
	if err := p.others(ctx, name); err != nil {
		return nil, err
	}
	// From here on something may be left, also when an answer is lost.
	remove := func() error { return p.store.Delete(context.WithoutCancel(ctx), name, nil) }
	if err := p.store.Put(ctx, name, data); err != nil {
		return nil, errors.Join(fmt.Errorf("taking the lock %s: %w", p, err), remove())
	}
	if err := p.others(ctx, name); err != nil {
		return nil, errors.Join(err, remove())
	}
	l := p.lock(name, data, time.Time{})
	return &Grant{Lock: l, release: func(ctx context.Context) error {
		if err := p.store.Delete(ctx, name, data); errors.Is(err, errNoFile) {
			return lost(l)
		} else if err != nil {
			return fmt.Errorf("removing the lock %s: %w", l.Place, err)
		}
		return nil
	}}, nil
}

// others fails when somebody else has a lock on the stack.
func (p *Pulumi) others(ctx context.Context, own string) error {
	locks, err := p.Inspect(ctx)
	if err != nil {
		return err
	}
	var others []Lock
	for _, l := range locks {
		if l.Place != p.store.URL(own) {
			others = append(others, l)
		}
	}
	if len(others) > 0 {
		return &HeldError{Locks: others}
	}
	return nil
}

func (p *Pulumi) lock(name string, data []byte, written time.Time) Lock {
	l := Lock{
		Kind: KindPulumi, Place: p.store.URL(name), Protects: p.protects(), Data: string(data), Since: written, at: p,
		version: name + "\x00" + string(data),
	}
	l.Info.ID, l.Info.Path = strings.TrimSuffix(path.Base(name), ".json"), name
	var content pulumiLock
	if err := json.Unmarshal(data, &content); err != nil {
		// Pulumi itself gives up on such a file, with whatever it wants to do to the stack.
		l.Problem = "the lock is not the JSON that Pulumi writes"
		return l
	}
	l.PID = content.PID
	l.Info.Who = content.Username + "@" + content.Hostname
	l.Info.Operation, l.Info.Info, l.Info.Version = content.Operation, content.Info, content.Version
	l.Info.Created = content.Timestamp
	l.Info = l.Info.Printable()
	if l.Since.IsZero() {
		l.Since = content.Timestamp
	}
	return l
}

// protects names the stack as Pulumi does.
func (p *Pulumi) protects() string {
	return "stack " + path.Join(p.project, p.stack) + " in " + p.store.URL("")
}

// Inspect implements Place.
func (p *Pulumi) Inspect(ctx context.Context) ([]Lock, error) {
	return pulumiLocksIn(ctx, p.store, p.dir())
}

// All shows the locks of all stacks of the backend.
func (p *Pulumi) All(ctx context.Context) ([]Lock, error) { return PulumiLocks(ctx, p.store) }

// PulumiLocks lists the locks of all stacks of a backend.
func PulumiLocks(ctx context.Context, store Files) ([]Lock, error) {
	return pulumiLocksIn(ctx, store, pulumiLocks)
}

func pulumiLocksIn(ctx context.Context, store Files, dir string) ([]Lock, error) {
	files, err := store.List(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("listing the locks in %s: %w", store.URL(dir), err)
	}
	var locks []Lock
	for _, f := range files {
		place, ok := pulumiPlace(store, f.Name)
		if !ok {
			continue
		}
		locks = append(locks, place.lock(f.Name, f.Data, f.Written))
	}
	return sorted(locks), nil
}

// pulumiPlace finds the stack that a lock belongs to.
func pulumiPlace(store Files, name string) (*Pulumi, bool) {
	parts := strings.Split(strings.TrimPrefix(name, pulumiLocks), "/")
	switch {
	case len(parts) == 4 && parts[0] == pulumiOrg:
		return NewPulumi(store, parts[1], parts[2]), true
	case len(parts) == 2:
		return NewPulumi(store, "", parts[0]), true
	}
	return nil, false
}

// Break implements Place. Only the lock that was seen goes, not all locks of the stack as `pulumi
// cancel` removes them: the name of the file is chosen anew by each process.
func (p *Pulumi) Break(ctx context.Context, seen Lock, by lease.Info) error {
	name, data, ok := strings.Cut(seen.version, "\x00")
	if !ok || !strings.HasPrefix(name, p.dir()) {
		return changed(seen)
	}
	err := p.store.Delete(ctx, name, []byte(data))
	if errors.Is(err, errNoFile) {
		return changed(seen)
	}
	if err != nil {
		return fmt.Errorf("removing the lock %s: %w", seen.Place, err)
	}
	r := newRecord(seen, by)
	return r.result(p.store.Put(ctx, r.key(), r.encode()))
}
