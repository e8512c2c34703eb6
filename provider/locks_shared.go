package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/toollock"
)

// leasePostgresModel names a lock table on PostgreSQL.
type leasePostgresModel struct {
	Database types.String `tfsdk:"database"`
	Schema   types.String `tfsdk:"schema"`
	Table    types.String `tfsdk:"table"`
}

// leaseDynamoModel names a lock table on DynamoDB.
type leaseDynamoModel struct {
	Table  types.String `tfsdk:"table"`
	Region types.String `tfsdk:"region"`
}

// leaseStore opens the lock table that is named; nil where none is. The caller closes it.
func (d *providerData) leaseStore(ctx context.Context, pg *leasePostgresModel, dynamo *leaseDynamoModel) (lease.Store, error) {
	switch {
	case pg != nil:
		client, err := d.postgres()
		if err != nil {
			return nil, err
		}
		return client.Leases(ctx, pg.Database.ValueString(), pglock.LeaseOptions{
			Table: pglock.Table{Schema: pg.Schema.ValueString(), Name: pg.Table.ValueString()},
		})
	case dynamo != nil:
		client, err := d.dynamo(ctx, dynamo.Region.ValueString())
		if err != nil {
			return nil, err
		}
		return client.Leases(dynamolock.LeaseOptions{Table: dynamo.Table.ValueString()})
	}
	return nil, nil
}

// addLockError adds an error of any of the lock engines.
func addLockError(diags *diag.Diagnostics, summary string, err error) {
	var call *dynamolock.CallError
	var pg *pglock.CallError
	switch {
	case errors.As(err, &call):
		addDynamoError(diags, summary, err)
	case errors.As(err, &pg), pglock.IsConfigError(err):
		addPostgresError(diags, summary, err)
	case errors.Is(err, lease.ErrHeld):
		diags.AddError(summary, sentence(err.Error())+"\n\nSee who holds it: groundwork locks list. A lease that nobody renews ends by itself. If that run is dead: groundwork locks break ID --force.")
	default:
		if hint := toollock.Hint(err); hint != "" {
			diags.AddError(summary, withHint(err, hint))
			return
		}
		addError(diags, summary, err)
	}
}
