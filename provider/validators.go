package provider

import (
	"context"
	"net/url"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// noDotPairs refuses what S3 refuses beyond the alphabet of a bucket's name.
type noDotPairs struct{}

// Description implements validator.String.
func (noDotPairs) Description(context.Context) string {
	return "a bucket's name has no two dots in a row, no dot beside a hyphen, and is no IP address"
}

// MarkdownDescription implements validator.String.
func (v noDotPairs) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v noDotPairs) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	name := req.ConfigValue.ValueString()
	digitsOnly := strings.Trim(name, "0123456789.") == "" && strings.Count(name, ".") == 3
	if strings.Contains(name, "..") || strings.Contains(name, ".-") || strings.Contains(name, "-.") || digitsOnly {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Bucket Name", sentence(v.Description(ctx)))
	}
}

// expirationPrefix refuses prefixes under which the tools keep live state.
type expirationPrefix struct{}

// Description implements validator.String.
func (expirationPrefix) Description(context.Context) string {
	return "the prefix holds no live state"
}

// MarkdownDescription implements validator.String.
func (v expirationPrefix) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (expirationPrefix) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := s3store.CheckExpirationPrefix(req.ConfigValue.ValueString()); err != nil {
		addAttributeError(&resp.Diagnostics, req.Path, "Expiration of Live State", err)
	}
}

// policyDocument checks a raw policy.
type policyDocument struct{}

// Description implements validator.String.
func (policyDocument) Description(context.Context) string {
	return "a JSON policy document whose statements each have a Sid"
}

// MarkdownDescription implements validator.String.
func (v policyDocument) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (policyDocument) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	doc, err := s3store.ParsePolicy(req.ConfigValue.ValueString())
	if err == nil {
		err = s3store.CheckClaim(doc)
	}
	if err != nil {
		addAttributeError(&resp.Diagnostics, req.Path, "Invalid Policy", err)
	}
}

// backupTarget checks where a final backup goes.
type backupTarget struct{}

// Description implements validator.String.
func (backupTarget) Description(context.Context) string {
	return "a local folder, or s3://bucket/prefix"
}

// MarkdownDescription implements validator.String.
func (v backupTarget) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (backupTarget) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	target := req.ConfigValue.ValueString()
	u, err := url.Parse(target)
	switch {
	case target == "":
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Backup Target", "The target is empty. Give a local folder, or s3://bucket/prefix.")
	case err == nil && u.Scheme == "s3" && (u.Host == "" || u.User != nil || u.RawQuery != ""):
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Backup Target", "An S3 target is written s3://bucket/prefix, without credentials or parameters.")
	case strings.Contains(target, "://") && (err != nil || u.Scheme != "s3"):
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Backup Target", "The target is neither a local folder nor s3://bucket/prefix.")
	}
}
