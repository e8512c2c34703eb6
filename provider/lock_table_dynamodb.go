package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
)

// planDynamo fills in what the configuration leaves out. What a table is made with when nothing is
// written down is decided here and in dynamoTableModel.wanted.
func (r *stateLockTableResource) planDynamo(ctx context.Context, state, config, plan *stateLockTableModel, diags *diag.Diagnostics) {
	d := plan.DynamoDB
	region := d.Region.ValueString()
	if state != nil && config.DynamoDB.Region.IsNull() {
		region = state.DynamoDB.Region.ValueString()
	}
	c, err := r.data.dynamo(ctx, region)
	if errors.Is(err, errUnknownConfig) {
		return // all that is computed stays unknown until the apply
	}
	if err != nil {
		addDynamoError(diags, "Unable to Plan Lock Table", err)
		return
	}
	if config.DynamoDB.Region.IsNull() {
		d.Region = types.StringValue(c.Region())
	}
	plan.Server = types.StringValue(c.Endpoint())
	if state != nil && (!d.Table.Equal(state.DynamoDB.Table) || !d.Region.Equal(state.DynamoDB.Region)) {
		state = nil // another table
	}
	if state == nil {
		d.planCreate(c, config.DynamoDB, plan.AdoptExisting)
		return
	}
	d.planUpdate(ctx, config.DynamoDB, state.DynamoDB, diags)
}

// planCreate knows what AWS gives. An emulation, and a table that may exist, are asked.
func (d *dynamoTableModel) planCreate(c *dynamolock.Client, config *dynamoTableModel, adopt types.Bool) {
	d.ARN, d.Tags = types.StringUnknown(), config.Tags
	d.Origin, d.Unsupported = types.StringUnknown(), types.SetUnknown(types.StringType)
	known := adopt.Equal(types.BoolValue(false))
	if known {
		d.Origin = types.StringValue(originCreated)
	}
	if known = known && c.AWS(); known {
		d.Unsupported = types.SetValueMust(types.StringType, nil)
	}
	on, kms := types.BoolUnknown(), types.StringUnknown()
	if known {
		on, kms = types.BoolValue(true), types.StringValue(encryptionKMS)
	}
	d.fill(config, dynamoTableModel{PointInTimeRecovery: on, DeletionProtection: on, Encryption: kms})
}

func (d *dynamoTableModel) planUpdate(ctx context.Context, config, state *dynamoTableModel, diags *diag.Diagnostics) {
	d.ARN, d.Origin, d.Unsupported, d.Tags = state.ARN, state.Origin, state.Unsupported, config.Tags
	left := *state
	lacking := lackingSettings(ctx, state.Unsupported, diags)
	if state.Origin.ValueString() == originCreated {
		left = dynamoTableModel{
			PointInTimeRecovery: types.BoolValue(true), DeletionProtection: types.BoolValue(true), Encryption: types.StringValue(encryptionKMS),
		}
		if lacking[dynamolock.CapPointInTimeRecovery] {
			left.PointInTimeRecovery = types.BoolNull()
		}
		if lacking[dynamolock.CapDeletionProtection] {
			left.DeletionProtection = types.BoolNull()
		}
		if lacking[dynamolock.CapEncryption] {
			left.Encryption = types.StringNull()
		}
	}
	d.fill(config, left)
	for what := range lacking {
		if config.demands(what) { // refused once, demanded now: the call decides
			d.Unsupported = types.SetUnknown(types.StringType)
		}
	}
	d.claim(ctx, config, state, diags)
}

// claim plans for a table that was imported and not changed since. Its state shows all tags, of
// which the configuration may declare some: that alone is no change. The first real change makes
// the declared ones groundwork's, and the table an adopted one.
func (d *dynamoTableModel) claim(ctx context.Context, config, state *dynamoTableModel, diags *diag.Diagnostics) {
	if state.Origin.ValueString() != originImported {
		return
	}
	if !config.Tags.IsUnknown() && isSubset(stringMap(ctx, config.Tags, diags), stringMap(ctx, state.Tags, diags)) {
		d.Tags = state.Tags
	}
	if d.PointInTimeRecovery.Equal(state.PointInTimeRecovery) && d.DeletionProtection.Equal(state.DeletionProtection) &&
		d.Encryption.Equal(state.Encryption) && d.KMSKeyID.Equal(state.KMSKeyID) && d.Tags.Equal(state.Tags) {
		return
	}
	d.Tags, d.Origin = config.Tags, types.StringValue(originAdopted)
}

// fill takes what is written, and what is left out from elsewhere.
func (d *dynamoTableModel) fill(config *dynamoTableModel, left dynamoTableModel) {
	d.PointInTimeRecovery, d.DeletionProtection, d.Encryption = config.PointInTimeRecovery, config.DeletionProtection, config.Encryption
	if config.PointInTimeRecovery.IsNull() {
		d.PointInTimeRecovery = left.PointInTimeRecovery
	}
	if config.DeletionProtection.IsNull() {
		d.DeletionProtection = left.DeletionProtection
	}
	if config.Encryption.IsNull() {
		d.Encryption = left.Encryption
		if !config.KMSKeyID.IsNull() {
			d.Encryption = types.StringValue(encryptionKMS)
		}
	}
}

func (r *stateLockTableResource) guardDynamo(ctx context.Context, state *stateLockTableModel, summary string, diags *diag.Diagnostics) {
	c, err := r.data.dynamo(ctx, state.DynamoDB.Region.ValueString())
	if errors.Is(err, errUnknownConfig) {
		return
	}
	if err == nil {
		err = c.MayDropTable(ctx, state.DynamoDB.Table.ValueString())
	}
	addDynamoError(diags, summary, err)
}

func (r *stateLockTableResource) createDynamo(ctx context.Context, config, plan *stateLockTableModel, failed string, diags *diag.Diagnostics) {
	d := plan.DynamoDB
	c, err := r.data.dynamo(ctx, d.Region.ValueString())
	if err != nil {
		addDynamoError(diags, failed, err)
		return
	}
	d.Region, d.Origin = types.StringValue(c.Region()), types.StringValue(originCreated)
	made, optional := d.wanted(ctx, config.DynamoDB, diags)
	d.Origin = types.StringValue(originAdopted)
	adopted, _ := d.wanted(ctx, config.DynamoDB, diags)
	result, err := c.CreateTable(ctx, dynamolock.Spec{
		Table: d.Table.ValueString(), Adopt: plan.AdoptExisting.ValueBool(), Settings: made, Adopted: adopted, Optional: optional,
	})
	if err != nil {
		addDynamoError(diags, failed, err)
		return
	}
	if !result.Adopted {
		d.Origin = types.StringValue(originCreated)
	}
	tflog.Debug(ctx, "lock table is there", map[string]any{"table": d.Table.ValueString(), "region": c.Region(), "adopted": result.Adopted})
	warnLacking(c, d, result.Lacking, diags)
	d.Unsupported = settingSet(result.Lacking)
	r.showDynamo(ctx, c, plan, failed, diags)
}

// readDynamo tells whether the table is gone.
func (r *stateLockTableResource) readDynamo(ctx context.Context, state *stateLockTableModel, failed string, diags *diag.Diagnostics) (gone bool) {
	d := state.DynamoDB
	c, err := r.data.dynamo(ctx, d.Region.ValueString())
	if errors.Is(err, errUnknownConfig) {
		notRefreshed(err, diags)
		return false
	}
	var found *dynamolock.Observed
	if err == nil {
		found, err = c.Observe(ctx, d.Table.ValueString())
	}
	if errors.Is(err, dynamolock.ErrNotFound) {
		return !r.elsewhereDynamo(ctx, c, state, failed, diags)
	}
	if err != nil {
		addDynamoError(diags, failed, err)
		return false
	}
	state.showDynamo(ctx, c, found, diags)
	return false
}

// elsewhereDynamo reports that a table was made at another endpoint or in another account than those
// that were asked.
func (r *stateLockTableResource) elsewhereDynamo(ctx context.Context, c *dynamolock.Client, state *stateLockTableModel, failed string, diags *diag.Diagnostics) bool {
	if was := state.Server.ValueString(); was != "" && was != c.Endpoint() {
		diags.AddError(failed, fmt.Sprintf("It was made at %s, and the provider is configured for %s, which does not have it.\n\n"+
			"Set dynamodb_endpoint back. If it is gone for good, remove the resource from the state (terraform state rm).", was, c.Endpoint()))
		return true
	}
	err := c.Elsewhere(ctx, state.DynamoDB.Table.ValueString(), state.DynamoDB.ARN.ValueString())
	addDynamoError(diags, failed, err)
	return err != nil
}

func (r *stateLockTableResource) updateDynamo(ctx context.Context, state, config, plan *stateLockTableModel, failed string, diags *diag.Diagnostics) {
	d := plan.DynamoDB
	c, err := r.data.dynamo(ctx, d.Region.ValueString())
	if err != nil {
		addDynamoError(diags, failed, err)
		return
	}
	want, optional := d.wanted(ctx, config.DynamoDB, diags)
	if state.DynamoDB.Origin.ValueString() != originImported {
		for key := range stringMap(ctx, state.DynamoDB.Tags, diags) {
			if _, stays := want.Tags[key]; !stays {
				want.RemoveTags = append(want.RemoveTags, key)
			}
		}
	}
	for what := range lackingSettings(ctx, state.DynamoDB.Unsupported, diags) {
		if !config.DynamoDB.demands(what) {
			want.LeaveOut(what)
		}
	}
	lacking, err := c.Apply(ctx, d.Table.ValueString(), want, optional)
	if err != nil {
		addDynamoError(diags, failed, err)
		return
	}
	if d.Unsupported.IsUnknown() {
		d.Unsupported = settingSet(lacking)
	}
	r.showDynamo(ctx, c, plan, failed, diags)
}

func (r *stateLockTableResource) deleteDynamo(ctx context.Context, state *stateLockTableModel, failed string, diags *diag.Diagnostics) {
	c, err := r.data.dynamo(ctx, state.DynamoDB.Region.ValueString())
	if err == nil {
		err = c.DropTable(ctx, state.DynamoDB.Table.ValueString())
	}
	addDynamoError(diags, failed, err)
}

func (r *stateLockTableResource) importedDynamo(ctx context.Context, id stateLockTableIdentity, diags *diag.Diagnostics) *dynamoTableModel {
	if id.Region.ValueString() == "" {
		c, err := r.data.dynamo(ctx, "")
		if err != nil {
			addDynamoError(diags, "Unable to Import Lock Table", err)
			return nil
		}
		id.Region = types.StringValue(c.Region())
	}
	if err := dynamolock.CheckName(id.Table.ValueString()); err != nil {
		diags.AddError("Invalid Import ID", sentence(err.Error()))
		return nil
	}
	return &dynamoTableModel{
		Table: id.Table, Region: id.Region, Origin: types.StringValue(originImported),
		Unsupported: types.SetValueMust(types.StringType, nil), Tags: types.MapNull(types.StringType),
	}
}

// showDynamo shows in m what the table is after a change.
func (r *stateLockTableResource) showDynamo(ctx context.Context, c *dynamolock.Client, m *stateLockTableModel, failed string, diags *diag.Diagnostics) {
	found, err := c.Observe(ctx, m.DynamoDB.Table.ValueString())
	if err != nil {
		addDynamoError(diags, failed, err)
		return
	}
	m.showDynamo(ctx, c, found, diags)
}

// warnLacking says once what the table goes without.
func warnLacking(c *dynamolock.Client, d *dynamoTableModel, lacking []dynamolock.Capability, diags *diag.Diagnostics) {
	for _, what := range lacking {
		diags.AddAttributeWarning(path.Root(engineDynamoDB), "Setting Not Supported by the Service", fmt.Sprintf(
			"The service at %s does not have %s, so the lock table %q goes without. It stands in unsupported.", c.Endpoint(), what, d.Table.ValueString()))
	}
}
