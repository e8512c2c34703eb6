package s3store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// lifecyclePart is one setting inside the whole-document lifecycle call.
type lifecyclePart struct {
	capability Capability
	drop       func(*Lifecycle)
}

// lifecycleParts are the settings that a service may lack one by one.
var lifecycleParts = []lifecyclePart{
	{CapLifecycleNoncurrent, func(l *Lifecycle) {
		l.NoncurrentExpirationDays, l.NoncurrentVersionsToKeep = nil, nil
	}},
	{CapLifecycleVersionsToKeep, func(l *Lifecycle) { l.NoncurrentVersionsToKeep = nil }},
	{CapLifecycleAbortUploads, func(l *Lifecycle) { l.AbortIncompleteUploadsDays = nil }},
	{CapLifecycleDeleteMarkers, func(l *Lifecycle) { l.ExpireDeleteMarkers = nil }},
	{CapLifecycleExpirations, func(l *Lifecycle) { l.Expirations = nil }},
}

// lifecycleTarget is what the own rules are to do, without what is known to be lacking.
func (a *applier) lifecycleTarget() Lifecycle {
	target := a.have.Lifecycle.Owned.merge(a.want.Lifecycle)
	for _, part := range lifecycleParts {
		if a.isLacking(part.capability) {
			part.drop(&target)
		}
	}
	return target
}

// checkLifecycle refuses rules that would delete live state, before anything is changed.
func (a *applier) checkLifecycle(ctx context.Context) error {
	if a.want.Lifecycle == nil {
		return nil
	}
	target := a.lifecycleTarget()
	if err := CheckLifecycle(target); err != nil {
		return fmt.Errorf("bucket %q: %w", a.bucket, err)
	}
	return a.refuseLiveState(ctx, target)
}

func (a *applier) lifecycle(ctx context.Context) error {
	if a.want.Lifecycle == nil {
		return nil
	}
	have, target := &a.have.Lifecycle, a.lifecycleTarget()
	if target.Equal(have.Owned) && !have.drifted {
		return nil
	}
	err := a.putLifecycle(ctx, target)
	if errors.Is(err, ErrUnsupported) {
		return a.degradeLifecycle(ctx, target, err)
	}
	return err
}

// degradeLifecycle finds out which parts the service refuses: it starts from what was demanded and
// adds the optional parts one at a time, keeping what is accepted.
func (a *applier) degradeLifecycle(ctx context.Context, target Lifecycle, refusal error) error {
	asked := Settings{Lifecycle: &target}.Asked()
	on := map[Capability]bool{}
	var candidates []lifecyclePart
	for _, part := range lifecycleParts {
		if asked[part.capability] && a.optional[part.capability] {
			candidates = append(candidates, part)
		}
	}
	put := func() error {
		l := target
		for _, part := range candidates {
			if !on[part.capability] {
				part.drop(&l)
			}
		}
		return a.putLifecycle(ctx, l)
	}
	err := refusal
	if len(candidates) > 0 {
		err = put()
	}
	if errors.Is(err, ErrUnsupported) {
		return &UnsupportedError{
			Capability: a.demandedLifecycle(asked), Service: a.c.profile.DisplayName,
			Call: "PutBucketLifecycleConfiguration", Err: err,
		}
	}
	for _, part := range candidates {
		if err != nil {
			return err
		}
		if part.capability == CapLifecycleVersionsToKeep && a.isLacking(CapLifecycleNoncurrent) {
			a.lacks(part.capability) // it is a part of that rule
			continue
		}
		on[part.capability] = true
		if err = put(); errors.Is(err, ErrUnsupported) {
			on[part.capability], err = false, nil
			a.lacks(part.capability)
		}
	}
	return err
}

// demandedLifecycle names the demanded part that the refusal is about, as well as can be told.
func (a *applier) demandedLifecycle(asked map[Capability]bool) Capability {
	var demanded []Capability
	for _, part := range lifecycleParts {
		if asked[part.capability] && !a.optional[part.capability] {
			demanded = append(demanded, part.capability)
		}
	}
	if len(demanded) == 1 {
		return demanded[0]
	}
	return CapLifecycle
}

func (a *applier) putLifecycle(ctx context.Context, target Lifecycle) error {
	have, owned := &a.have.Lifecycle, target.rules()
	if len(owned)+have.ForeignRules() == 0 {
		if have.Owned.Equal(Lifecycle{}) && !have.drifted {
			return nil // nothing there, nothing wanted
		}
		_, err := a.c.api.DeleteBucketLifecycle(ctx, &s3.DeleteBucketLifecycleInput{Bucket: &a.bucket})
		return a.c.wrap("DeleteBucketLifecycle", a.bucket, "", err)
	}
	body, err := have.render(owned)
	if err != nil {
		return err
	}
	// The input only satisfies the SDK's validation: replaceBody sends the document itself.
	_, err = a.c.api.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &a.bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{}},
		TransitionDefaultMinimumObjectSize: have.transitionMinimum,
	}, replaceBody(body))
	return a.c.wrap("PutBucketLifecycleConfiguration", a.bucket, "", err)
}
