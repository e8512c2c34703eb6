package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
)

// The values of dynamodb.encryption.
const (
	encryptionOwned = "aws_owned"
	encryptionKMS   = "kms"
)

type dynamoTableModel struct {
	Table               types.String `tfsdk:"table"`
	Region              types.String `tfsdk:"region"`
	PointInTimeRecovery types.Bool   `tfsdk:"point_in_time_recovery"`
	DeletionProtection  types.Bool   `tfsdk:"deletion_protection"`
	Encryption          types.String `tfsdk:"encryption"`
	KMSKeyID            types.String `tfsdk:"kms_key_id"`
	Tags                types.Map    `tfsdk:"tags"`
	ARN                 types.String `tfsdk:"arn"`
	Origin              types.String `tfsdk:"origin"`
	Unsupported         types.Set    `tfsdk:"unsupported"`
}

func dynamoTableAttribute() schema.Attribute {
	const left = " Left out: on for a table that groundwork creates, untouched on one that it adopted or imported. An emulation that lacks it goes without, and it stands in `unsupported`."
	return schema.SingleNestedAttribute{
		MarkdownDescription: "A table on DynamoDB, or on an emulation of it. Exactly one of `postgres` and `dynamodb` is set; changing from one to the other replaces the table.",
		Optional:            true,
		Attributes: map[string]schema.Attribute{
			"table": schema.StringAttribute{
				MarkdownDescription: "The table: 3 to 255 letters, digits, underscores, hyphens and dots. Changing it replaces the table.",
				Required:            true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators: []validator.String{tableName{}},
			},
			"region": schema.StringAttribute{
				MarkdownDescription: "The region. Default: the provider's `dynamodb_region`. Changing it replaces the table.",
				Optional:            true, Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplaceIfConfigured()},
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"point_in_time_recovery": schema.BoolAttribute{
				MarkdownDescription: "Keep continuous backups of the last 35 days." + left, Optional: true, Computed: true,
			},
			"deletion_protection": schema.BoolAttribute{
				MarkdownDescription: "Have DynamoDB refuse to delete the table. groundwork turns it off when this resource is destroyed, once it has seen that nobody holds a lock." + left, Optional: true, Computed: true,
			},
			"encryption": schema.StringAttribute{
				MarkdownDescription: "The key that encrypts at rest: `kms` for one of the account's in KMS (`aws/dynamodb`, or `kms_key_id`), which AWS charges for, `aws_owned` for one that AWS owns. Left out: `kms` for a table that groundwork creates, untouched on one that it adopted or imported. An emulation that lacks it goes without, and it stands in `unsupported`.",
				Optional:            true, Computed: true, Validators: []validator.String{stringvalidator.OneOf(encryptionOwned, encryptionKMS)},
			},
			"kms_key_id": schema.StringAttribute{
				MarkdownDescription: "The customer's key in KMS: an ID, an ARN or an `alias/…`. An alias is not looked up again, so a change of its key outside is not noticed. Left out: `aws/dynamodb`, or the key that an encrypted table has already.",
				Optional:            true, Validators: []validator.String{stringvalidator.LengthAtLeast(1), keyNeedsKMS{}},
			},
			"tags": schema.MapAttribute{
				MarkdownDescription: "Tags of the table. Other tags on it stay as they are.",
				Optional:            true, Computed: true, ElementType: types.StringType,
			},
			"arn":         schema.StringAttribute{MarkdownDescription: "The table's ARN.", Computed: true},
			"origin":      schema.StringAttribute{MarkdownDescription: "`created`, `adopted` or `imported`.", Computed: true},
			"unsupported": schema.SetAttribute{MarkdownDescription: "Settings that the service does not have: `point_in_time_recovery`, `deletion_protection`, `encryption`, `tags`.", Computed: true, ElementType: types.StringType},
		},
	}
}

// keyNeedsKMS refuses a key beside an encryption that takes none.
type keyNeedsKMS struct{}

// Description implements validator.String.
func (keyNeedsKMS) Description(context.Context) string { return "goes with encryption = \"kms\" only" }

// MarkdownDescription implements validator.String.
func (v keyNeedsKMS) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (keyNeedsKMS) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() {
		return
	}
	var encryption types.String
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, req.Path.ParentPath().AtName("encryption"), &encryption)...)
	if encryption.ValueString() == encryptionOwned {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Attribute Combination",
			"kms_key_id names a key of yours, and encryption = \"aws_owned\" uses one of AWS's. Leave one of them out.")
	}
}

// demands tells whether the configuration writes a setting down, so that to lack it is an error.
func (d *dynamoTableModel) demands(what dynamolock.Capability) bool {
	switch what {
	case dynamolock.CapPointInTimeRecovery:
		return d.PointInTimeRecovery.ValueBool()
	case dynamolock.CapDeletionProtection:
		return d.DeletionProtection.ValueBool()
	case dynamolock.CapEncryption:
		return d.Encryption.ValueString() == encryptionKMS || !d.KMSKeyID.IsNull()
	case dynamolock.CapTags:
		return len(d.Tags.Elements()) > 0
	}
	return false
}

// wanted is what the table is to be: what is written down, and on a table of groundwork's own the
// hardening. It says as well which of it an emulation may lack.
func (d *dynamoTableModel) wanted(ctx context.Context, config *dynamoTableModel, diags *diag.Diagnostics) (dynamolock.Settings, map[dynamolock.Capability]bool) {
	ours := d.Origin.ValueString() == originCreated
	on := func(v types.Bool) *bool {
		if v.IsNull() || v.IsUnknown() {
			if !ours {
				return nil
			}
			v = types.BoolValue(true)
		}
		return v.ValueBoolPointer()
	}
	s := dynamolock.Settings{
		PointInTimeRecovery: on(config.PointInTimeRecovery), DeletionProtection: on(config.DeletionProtection),
		Tags: stringMap(ctx, config.Tags, diags),
	}
	key := d.KMSKeyID.ValueString()
	switch {
	case config.Encryption.ValueString() == encryptionOwned:
		s.Encryption = &dynamolock.Encryption{}
	case ours || key != "" || !config.Encryption.IsNull():
		s.Encryption = &dynamolock.Encryption{KMS: true, KeyID: key}
	}
	optional := map[dynamolock.Capability]bool{}
	for _, what := range []dynamolock.Capability{
		dynamolock.CapPointInTimeRecovery, dynamolock.CapDeletionProtection, dynamolock.CapEncryption, dynamolock.CapTags,
	} {
		optional[what] = !config.demands(what)
	}
	return s, optional
}

// showDynamo writes what the table is.
func (m *stateLockTableModel) showDynamo(ctx context.Context, c *dynamolock.Client, found *dynamolock.Observed, diags *diag.Diagnostics) {
	d := m.DynamoDB
	m.ID, m.Server, m.Complete = m.importID(), types.StringValue(c.Endpoint()), types.BoolValue(true)
	lacking := lackingSettings(ctx, d.Unsupported, diags)
	d.ARN = types.StringValue(found.ARN)
	d.PointInTimeRecovery = showSwitch(d.PointInTimeRecovery, found.PointInTimeRecovery, lacking[dynamolock.CapPointInTimeRecovery])
	d.DeletionProtection = showSwitch(d.DeletionProtection, found.DeletionProtection, lacking[dynamolock.CapDeletionProtection])
	switch {
	case found.Encryption.KMS:
		d.Encryption = types.StringValue(encryptionKMS)
	case lacking[dynamolock.CapEncryption] && d.Encryption.ValueString() != encryptionOwned:
		d.Encryption = types.StringNull()
	default:
		d.Encryption = types.StringValue(encryptionOwned)
	}
	if key := d.KMSKeyID; !key.IsNull() && !dynamolock.SameKey(key.ValueString(), found.Encryption.KeyID) {
		d.KMSKeyID = textOrNull(found.Encryption.KeyID)
	}
	d.Tags = showTags(d.Tags, d.Origin, found.Tags)
}

// showSwitch shows what the service lacks as null, and as off where that is written down.
func showSwitch(was types.Bool, is, lacks bool) types.Bool {
	if lacks && !was.Equal(types.BoolValue(false)) {
		return types.BoolNull()
	}
	return types.BoolValue(is)
}

func lackingSettings(ctx context.Context, set types.Set, diags *diag.Diagnostics) map[dynamolock.Capability]bool {
	out := map[dynamolock.Capability]bool{}
	if set.IsNull() || set.IsUnknown() {
		return out
	}
	var codes []string
	diags.Append(set.ElementsAs(ctx, &codes, false)...)
	for _, c := range codes {
		out[dynamolock.Capability(c)] = true
	}
	return out
}

func settingSet(lacking []dynamolock.Capability) types.Set {
	elements := make([]attr.Value, 0, len(lacking))
	for _, what := range lacking {
		elements = append(elements, types.StringValue(string(what)))
	}
	return types.SetValueMust(types.StringType, elements)
}
