package provider

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// toolVersion checks a version of Terraform or OpenTofu.
type toolVersion struct{}

// Description implements validator.String.
func (toolVersion) Description(context.Context) string { return "a version such as 1.11.4, or latest" }

// MarkdownDescription implements validator.String.
func (v toolVersion) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v toolVersion) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() || req.ConfigValue.ValueString() == toolLatest {
		return
	}
	if _, err := backendcfg.ParseTarget("", req.ConfigValue.ValueString()); err != nil || req.ConfigValue.ValueString() == "" {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Tool Version", "Write "+v.Description(ctx)+".")
	}
}

// roleDuration checks how long a role is assumed.
type roleDuration struct{}

// Description implements validator.String.
func (roleDuration) Description(context.Context) string {
	return "a duration from 15m to 12h, such as 1h30m"
}

// MarkdownDescription implements validator.String.
func (v roleDuration) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v roleDuration) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	d, err := time.ParseDuration(req.ConfigValue.ValueString())
	if err != nil || d < 15*time.Minute || d > 12*time.Hour || d%time.Second != 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Duration", "Write "+v.Description(ctx)+", in whole seconds.")
	}
}

// jsonObject checks text for being a JSON object.
type jsonObject struct{}

// Description implements validator.String.
func (jsonObject) Description(context.Context) string {
	return "a JSON object, as jsonencode makes it of a map"
}

// MarkdownDescription implements validator.String.
func (v jsonObject) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v jsonObject) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(req.ConfigValue.ValueString()), &object); err != nil || object == nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid JSON", "This is not "+v.Description(ctx)+".")
	}
}
