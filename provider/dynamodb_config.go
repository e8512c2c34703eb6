package provider

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
)

// dynamoModel is the part of the provider block that says how to reach DynamoDB.
type dynamoModel struct {
	DynamoDBRegion   types.String `tfsdk:"dynamodb_region"`
	DynamoDBEndpoint types.String `tfsdk:"dynamodb_endpoint"`
}

func dynamoAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"dynamodb_region": schema.StringAttribute{
			MarkdownDescription: "The region of lock tables on DynamoDB that name none. Default: `GROUNDWORK_DYNAMODB_REGION`, then `region` where the buckets are on AWS too, then `AWS_REGION`, then the AWS shared files.",
			Optional:            true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"dynamodb_endpoint": schema.StringAttribute{
			MarkdownDescription: "The URL of an emulation of DynamoDB, such as `http://localhost:8000`. Default: `GROUNDWORK_DYNAMODB_ENDPOINT`, then `AWS_ENDPOINT_URL_DYNAMODB`, then `AWS_ENDPOINT_URL`, then AWS's own for the region.",
			Optional:            true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
		},
	}
}

func (m dynamoModel) dynamo(version string) dynamolock.Config {
	return dynamolock.Config{Region: m.DynamoDBRegion.ValueString(), Endpoint: m.DynamoDBEndpoint.ValueString(), Version: version}
}

func (m dynamoModel) dynamoUnknown() []string {
	return unknownNames(map[string]bool{"dynamodb_region": m.DynamoDBRegion.IsUnknown(), "dynamodb_endpoint": m.DynamoDBEndpoint.IsUnknown()})
}

// dynamo returns the client of the lock tables in a region, the provider's own when region is empty.
// It makes no request.
func (d *providerData) dynamo(ctx context.Context, region string) (*dynamolock.Client, error) {
	if unknown := slices.Concat(d.dynamoUnknown, d.unknown); len(unknown) > 0 {
		return nil, fmt.Errorf("%w: %s", errUnknownConfig, strings.Join(unknown, ", "))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c, ok := d.tables[region]; ok {
		return c, nil
	}
	cfg := d.dynamoConfig.WithStore(d.config, os.Getenv)
	if region != "" {
		cfg.Region = region
	}
	c, err := dynamolock.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if d.tables == nil {
		d.tables = map[string]*dynamolock.Client{}
	}
	d.tables[region] = c
	return c, nil
}

// tableName refuses names that DynamoDB does not take.
type tableName struct{}

// Description implements validator.String.
func (tableName) Description(context.Context) string {
	return "3 to 255 letters, digits, underscores, hyphens and dots"
}

// MarkdownDescription implements validator.String.
func (v tableName) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (tableName) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := dynamolock.CheckName(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Name", sentence(err.Error()))
	}
}
