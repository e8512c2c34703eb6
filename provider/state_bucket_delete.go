package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/guard"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// Delete implements resource.Resource. Every guard is enforced here, whatever the plan said:
// Pulumi plans no destroys, and a state may have been written since the plan.
func (r *stateBucketResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state stateBucketModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const failed = "Unable to Destroy State Bucket"
	c, report := r.inspect(ctx, &state, failed, "destroy", &resp.Diagnostics)
	if resp.Diagnostics.HasError() || report == nil {
		return
	}
	name := state.Name.ValueString()
	// With a backup, only what is in it may be deleted, however long it took.
	var only func(s3store.Version) bool
	if !state.FinalBackupTo.IsNull() {
		saved, err := finalBackup(ctx, c, name, report, state.FinalBackupTo.ValueString(), &resp.Diagnostics)
		if err != nil {
			addError(&resp.Diagnostics, "Unable to Make the Final Backup", fmt.Errorf("nothing was deleted: %w", err))
			return
		}
		only = saved.Holds
	}
	if err := destroyBucket(ctx, c, name, state.ForceDestroy.ValueBool(), only); err != nil {
		addError(&resp.Diagnostics, failed, err)
	}
}

// finalBackup copies everything there is; of an empty bucket it makes none.
func finalBackup(ctx context.Context, c *s3store.Client, name string, report *guard.Report, to string, diags *diag.Diagnostics) (*guard.Saved, error) {
	if report.Empty() {
		return nil, nil
	}
	saved, err := guard.Backup(ctx, c, name, to, time.Now())
	if err != nil {
		return nil, err
	}
	tflog.Info(ctx, "final backup is complete", map[string]any{"bucket": name, "backup": saved.Place})
	diags.AddWarning("Final Backup", fmt.Sprintf("Everything in bucket %q was copied to %s and compared before it was deleted.", name, saved.Place))
	return saved, nil
}

// destroyBucket empties and deletes a bucket. It can be repeated after any interruption.
func destroyBucket(ctx context.Context, c *s3store.Client, name string, purge bool, only func(s3store.Version) bool) error {
	if purge {
		if _, err := c.PurgeOnly(ctx, name, only, func(p s3store.Purged) {
			tflog.Debug(ctx, "purging", map[string]any{"bucket": name, "versions": p.Versions, "delete_markers": p.DeleteMarkers})
		}); err != nil && !errors.Is(err, s3store.ErrNotFound) {
			return fmt.Errorf("%w. The rest is untouched; repeat the destroy to go on", err)
		}
	} else if err := c.RemoveProbes(ctx, name); err != nil && !errors.Is(err, s3store.ErrNotFound) {
		return err
	}
	return c.DeleteBucket(ctx, name)
}

// guardDestroy speaks at plan time.
func (r *stateBucketResource) guardDestroy(ctx context.Context, state *stateBucketModel, verb string, diags *diag.Diagnostics) {
	r.inspect(ctx, state, "State Bucket Must Not Be Destroyed", verb, diags)
}

// inspect runs the guards in their order and returns the report, nil when the bucket is gone or
// when it is too early to tell.
func (r *stateBucketResource) inspect(ctx context.Context, state *stateBucketModel, summary, verb string, diags *diag.Diagnostics) (*s3store.Client, *guard.Report) {
	name := state.Name.ValueString()
	if state.DeletionProtection.ValueBool() {
		diags.AddError(summary, fmt.Sprintf("To %s bucket %q is refused by deletion_protection.\n\nSet deletion_protection = false, apply that, and repeat the %s.", verb, name, verb))
		return nil, nil
	}
	c, err := r.data.store(ctx, state.Region.ValueString())
	if errors.Is(err, errUnknownConfig) {
		return nil, nil
	}
	if err != nil {
		addError(diags, summary, err)
		return nil, nil
	}
	if was := state.Endpoint.ValueString(); was != "" && was != c.Endpoint() {
		diags.AddError(summary, fmt.Sprintf("Bucket %q was created at %s, but the provider is configured for %s. Point the provider at %s.", name, was, c.Endpoint(), was))
		return nil, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = ""
	}
	report, err := guard.Inspect(ctx, c, name, guard.Options{WorkDir: dir})
	if errors.Is(err, s3store.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		addError(diags, summary, err)
		return nil, nil
	}
	refusal := guard.Refuse(report, guard.Permission{
		ForceDestroy: state.ForceDestroy.ValueBool(), FinalBackup: state.FinalBackupTo.ValueString() != "",
	})
	if refusal != nil {
		diags.AddError(summary, sentence(refusal.Error())+"\n\n"+wayOut(refusal))
		return nil, nil
	}
	return c, report
}

// wayOut says how to get what was refused, safely.
func wayOut(refusal error) string {
	var self *guard.SelfManagedError
	var live *guard.LiveStateError
	switch {
	case errors.As(refusal, &self):
		return "Nothing overrides this. Move the state to a local file first: write a file backend_override.tf with\n\n" +
			"  terraform {\n    backend \"local\" {}\n  }\n\n" +
			"run `terraform init -migrate-state` (or `tofu init -migrate-state`), and repeat the destroy. The copy that stays in the bucket then counts as superseded."
	case errors.As(refusal, &live) && live.Forced:
		return "force_destroy alone does not delete live state. Set final_backup_to to a folder or to s3://bucket/prefix and apply, " +
			"so that everything is copied first; or destroy the resources in these states."
	case errors.As(refusal, &live):
		return "Destroy the resources in these states first. To give them up all the same, set force_destroy = true and final_backup_to, " +
			"apply, and repeat the destroy: everything is copied before it is deleted."
	}
	return "Set force_destroy = true and apply, and repeat the destroy; set final_backup_to as well to keep a copy of everything."
}

// isFullyKnown tells whether nothing inside a value is unknown.
func isFullyKnown(ctx context.Context, v attr.Value) bool {
	tv, err := v.ToTerraformValue(ctx)
	return err == nil && tv.IsFullyKnown()
}
