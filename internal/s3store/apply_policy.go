package s3store

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// policy goes last: from then on the service may refuse whom the policy does not name.
func (a *applier) policy(ctx context.Context) error {
	w := a.want
	if w.RequireTLS == nil && w.Access == nil && w.Policy == nil {
		return nil
	}
	if a.isLacking(CapPolicy) {
		return nil
	}
	next, err := a.nextPolicy()
	if err != nil {
		return err
	}
	capability := CapPolicy
	if asked := w.Asked(); asked[CapRequireTLS] && !asked[CapPolicy] {
		capability = CapRequireTLS
	}
	have := deref(a.have.Policy)
	switch {
	case SamePolicy(have.Statements, next.Statements):
		return nil
	case len(next.Statements) == 0:
		_, err := a.c.api.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &a.bucket})
		return a.settle(capability, "DeleteBucketPolicy", err)
	}
	_, err = a.c.api.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &a.bucket, Policy: aws.String(next.String())})
	return a.settle(capability, "PutBucketPolicy", err)
}

func (a *applier) nextPolicy() (*PolicyDocument, error) {
	w := a.c.policyWriter(a.bucket, a.c.cfg.Region)
	doc := PolicyDocument{Version: w.version()}
	if a.have.Policy != nil {
		doc = *a.have.Policy
	}
	var wanted []Statement
	gone := map[string]bool{}
	if a.want.RequireTLS != nil {
		gone[SidRequireTLS] = true
		if *a.want.RequireTLS && !a.isLacking(CapRequireTLS) {
			wanted = append(wanted, w.requireTLS())
		}
	}
	if a.want.Access != nil {
		if err := CheckAccess(a.c.profile.Dialect, *a.want.Access); err != nil {
			return nil, err
		}
		for _, entry := range *a.want.Access {
			wanted = append(wanted, w.access(entry)...)
		}
	}
	if a.want.Policy != nil {
		wanted = append(wanted, a.want.Policy.Statements...)
		for _, sid := range a.want.Policy.Remove {
			gone[sid] = true
		}
	}
	managed := a.want.Access != nil || a.want.Policy != nil
	replaced := func(s Statement) bool {
		return gone[s.Sid] || (a.want.Access != nil && isAccessSid(s.Sid)) || (managed && s.Sid == SidCaller)
	}
	kept := slices.DeleteFunc(slices.Clone(doc.Statements), replaced)
	if a.c.profile.Dialect == DialectScaleway && managed && len(kept)+len(wanted) > 0 {
		if a.want.CallerPrincipal == "" {
			return nil, fmt.Errorf("bucket %q: a policy on %s shuts out everyone it does not name, groundwork included: set caller_principal to who groundwork runs as", a.bucket, a.c.profile.DisplayName)
		}
		wanted = append(wanted, w.caller(a.want.CallerPrincipal))
	}
	doc.Statements = merge(doc.Statements, replaced, wanted)
	return &doc, nil
}
