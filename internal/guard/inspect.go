package guard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/statefile"
)

const (
	// inspectParallel objects are read at once.
	inspectParallel = 8
	// sniff is how much of an object with an unknown name is read to see whether it is a state.
	sniff = 4096
)

// The resource types under which a state manages a bucket.
const (
	bucketType       = "groundwork_state_bucket"
	pulumiBucketType = "groundwork:index/stateBucket:StateBucket"
)

// State is one state in a bucket.
type State struct {
	Key string
	// Summary is nil when the state could not be read.
	Summary *statefile.Summary
	// Err is why it could not be read. Such a state counts as live.
	Err error
	// ManagesBucket says that the bucket itself is a resource in this state.
	ManagesBucket bool
	// Superseded says that a newer copy is in use outside the bucket.
	Superseded bool
}

// Live tells whether destroying this state would orphan something, as far as is known.
func (s State) Live() bool {
	switch {
	case s.Superseded:
		return false
	case s.Err != nil:
		return true
	}
	return s.Summary.Live()
}

// String names the state and what it holds.
func (s State) String() string {
	switch {
	case s.Err != nil:
		return fmt.Sprintf("%s (cannot be read: %v)", s.Key, s.Err)
	case s.Summary.Kind == statefile.Encrypted:
		return s.Key + " (encrypted by OpenTofu, so its resources cannot be counted)"
	case s.Summary.PendingOperations > 0:
		return fmt.Sprintf("%s (%s, %s)", s.Key, countOf(s.Summary.ManagedInstances, "resource"), countOf(s.Summary.PendingOperations, "pending operation"))
	}
	return fmt.Sprintf("%s (%s)", s.Key, countOf(s.Summary.ManagedInstances, "resource"))
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Report is what a bucket holds.
type Report struct {
	Bucket, Endpoint string
	// States that were found, sorted by key.
	States []State
	// Objects are current objects, Versions superseded ones, Markers delete markers.
	Objects, Versions, Markers int
	// Locks are the keys of lock objects: somebody holds them, or died holding them.
	Locks []string
	// Example is the first key.
	Example string
}

// Empty tells that nothing at all would be lost.
func (r *Report) Empty() bool { return r.Objects+r.Versions+r.Markers == 0 }

// Live are the states whose loss would orphan something.
func (r *Report) Live() []State {
	return slices.DeleteFunc(slices.Clone(r.States), func(s State) bool { return !s.Live() })
}

// Options of an inspection.
type Options struct {
	// WorkDir is where the tool runs; a state there that is newer than its copy in the bucket
	// supersedes it. Empty looks nowhere.
	WorkDir string
}

// Inspect lists a bucket and reads every state in it. An object whose name says nothing is
// recognised by its content, since Terraform lets users name states as they like.
func Inspect(ctx context.Context, c *s3store.Client, bucket string, opts Options) (*Report, error) {
	r := &Report{Bucket: bucket, Endpoint: c.Endpoint()}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(inspectParallel)
	var listErr error
	for v, err := range c.Versions(gctx, bucket, "") {
		if err != nil {
			listErr = err
			break
		}
		if strings.HasPrefix(v.Key, s3store.ProbePrefix) {
			continue
		}
		r.count(v)
		if !v.IsLatest || v.DeleteMarker || !mayBeState(v) {
			continue
		}
		g.Go(func() error {
			s, found, err := readState(gctx, c, bucket, v.Key)
			if err != nil || !found {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			r.States = append(r.States, s)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if listErr != nil {
		return nil, listErr
	}
	slices.SortFunc(r.States, func(a, b State) int { return cmp.Compare(a.Key, b.Key) })
	markSuperseded(ctx, r.States, opts.WorkDir, bucket)
	return r, nil
}

func (r *Report) count(v s3store.Version) {
	if r.Example == "" {
		r.Example = v.Key
	}
	switch {
	case v.DeleteMarker:
		r.Markers++
	case v.IsLatest:
		r.Objects++
		kind := statefile.ClassifyKey(v.Key).Kind
		if kind == statefile.KeyTerraformLock || kind == statefile.KeyPulumiLock {
			r.Locks = append(r.Locks, v.Key)
		}
	default:
		r.Versions++
	}
}

// mayBeState leaves out what the tools name as something else: copies, locks and notes.
func mayBeState(v s3store.Version) bool {
	kind := statefile.ClassifyKey(v.Key).Kind
	return kind.State() || kind == statefile.KeyOther && v.Size > 1
}

// readState reads one object. A name that says nothing and a content that is no state is no
// error; a state that cannot be read is one that counts as live.
func readState(ctx context.Context, c *s3store.Client, bucket, key string) (State, bool, error) {
	look := statefile.Yes
	if !statefile.ClassifyKey(key).Kind.State() {
		start, err := c.GetStart(ctx, bucket, key, sniff)
		if errors.Is(err, s3store.ErrNotFound) {
			return State{}, false, nil // deleted since it was listed
		}
		if err != nil {
			return State{}, false, err
		}
		if look = statefile.LooksLikeState(start); look == statefile.No {
			return State{}, false, nil
		}
	}
	body, err := c.Get(ctx, bucket, key, "")
	if errors.Is(err, s3store.ErrNotFound) {
		return State{}, false, nil
	}
	if err != nil {
		return State{}, false, err
	}
	defer func() { _ = body.Close() }() // it was only read
	s := State{Key: key}
	s.Summary, s.Err = statefile.Walk(ctx, body, statefile.Options{Name: key, Attributes: bucketAttributes}, func(res statefile.Resource) error {
		s.ManagesBucket = s.ManagesBucket || managesBucket(res, bucket, c.Endpoint())
		return nil
	})
	var cut *statefile.ReadError
	if errors.As(s.Err, &cut) {
		return State{}, false, fmt.Errorf("reading %q in bucket %q: %w", key, bucket, s.Err)
	}
	return s, isState(look, s.Err), nil
}

// isState decides whether an object that could not be read is a state. In doubt it is: an unknown
// state that is taken for a note would be lost with the bucket.
func isState(look statefile.Verdict, err error) bool {
	var syntax *statefile.SyntaxError
	switch {
	case err == nil:
		return true
	case errors.Is(err, statefile.ErrEmpty):
		return false // written by nobody, or emptied by a migration
	case look == statefile.Yes:
		return true
	case errors.Is(err, statefile.ErrNotState):
		return false
	case errors.As(err, &syntax):
		return syntax.Offset >= sniff // not JSON from the start on: some other file
	}
	return true
}

func bucketAttributes(resourceType string) []string {
	if resourceType == bucketType || resourceType == pulumiBucketType {
		return []string{"name", "endpoint"}
	}
	return nil
}

func managesBucket(res statefile.Resource, bucket, endpoint string) bool {
	if res.Mode != statefile.ModeManaged || (res.Type != bucketType && res.Type != pulumiBucketType) {
		return false
	}
	text := func(name string) string {
		if v, ok := res.Attributes[name].(string); ok {
			return v
		}
		v, _ := res.Inputs[name].(string) // Pulumi knows no outputs of what it has only begun to create
		return v
	}
	at := strings.TrimRight(text("endpoint"), "/")
	return text("name") == bucket && (at == "" || strings.EqualFold(at, strings.TrimRight(endpoint, "/")))
}
