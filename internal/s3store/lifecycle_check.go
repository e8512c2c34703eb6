package s3store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/statefile"
)

// CheckLifecycle refuses rules that would delete live state.
func CheckLifecycle(l Lifecycle) error {
	if deref(l.NoncurrentVersionsToKeep) > 0 && deref(l.NoncurrentExpirationDays) == 0 {
		return fmt.Errorf("noncurrent_versions_to_keep = %d needs noncurrent_expiration_days: it says which versions survive that expiry", *l.NoncurrentVersionsToKeep)
	}
	for _, prefix := range slices.Sorted(maps.Keys(l.Expirations)) {
		if err := CheckExpirationPrefix(prefix); err != nil {
			return err
		}
		if l.Expirations[prefix] < 1 {
			return fmt.Errorf("the expiration of %q has to be at least 1 day", prefix)
		}
	}
	return nil
}

// CheckExpirationPrefix refuses a prefix under which the tools keep live state, as far as the
// prefix alone can tell.
func CheckExpirationPrefix(prefix string) error {
	const stacks, meta = ".pulumi/stacks/", ".pulumi/meta.yaml"
	if prefix == "" {
		return fmt.Errorf("an expiration without a prefix would delete every state in the bucket")
	}
	for i := range len(prefix) {
		// Pulumi's folder may be below a prefix of its own.
		if rest := prefix[i:]; (i == 0 || prefix[i-1] == '/') &&
			(strings.HasPrefix(stacks, rest) || strings.HasPrefix(rest, stacks) || strings.HasPrefix(meta, rest)) {
			return fmt.Errorf("an expiration of %q would delete live Pulumi stacks, which are kept under %s", prefix, stacks)
		}
	}
	switch {
	case strings.HasSuffix(prefix, ".tfstate"):
		return fmt.Errorf("an expiration of %q would delete a live Terraform state", prefix)
	case strings.HasPrefix("env:/", prefix), strings.HasPrefix(prefix, "env:/"):
		return fmt.Errorf("an expiration of %q would delete the live states of Terraform workspaces, which are kept under env:/", prefix)
	}
	return nil
}

// LiveStateExpirationError is an expiration that would delete a state which is in the bucket.
type LiveStateExpirationError struct {
	Bucket, Prefix, Key string
	// Kind says whose state it is.
	Kind statefile.KeyKind
}

// Error implements error.
func (e *LiveStateExpirationError) Error() string {
	return fmt.Sprintf("an expiration of %q in bucket %q would delete the %s %q. Choose a prefix that holds no state, or move the state away first", e.Prefix, e.Bucket, e.Kind, e.Key)
}

// refuseLiveState looks under each prefix that is new, or expires in another time than before, for
// a state that is there. The prefix itself cannot tell: users name states as they like.
func (a *applier) refuseLiveState(ctx context.Context, target Lifecycle) error {
	if !a.have.read {
		return nil // the bucket was made just now
	}
	for _, prefix := range slices.Sorted(maps.Keys(target.Expirations)) {
		if a.have.Lifecycle.Owned.Expirations[prefix] == target.Expirations[prefix] {
			continue
		}
		for o, err := range a.c.Objects(ctx, a.bucket, prefix) {
			if err != nil {
				return err
			}
			if kind := statefile.ClassifyKey(o.Key).Kind; kind.State() {
				return &LiveStateExpirationError{Bucket: a.bucket, Prefix: prefix, Key: o.Key, Kind: kind}
			}
		}
	}
	return nil
}
