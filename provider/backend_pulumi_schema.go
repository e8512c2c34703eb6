package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

func backendPulumiAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Optional: true, Validators: notEmpty()}
	}
	computed := func(description string) schema.StringAttribute {
		a := text(description)
		a.Computed = true
		return a
	}
	return map[string]schema.Attribute{
		"bucket":   text("The bucket's name. Exactly one of `bucket` and `url` is needed."),
		"prefix":   text("The folder in the bucket that holds `.pulumi`. Left out: the bucket itself."),
		"region":   computed("The bucket's region. Default: the provider's, or the service's default region."),
		"endpoint": computed("The service's URL. Default: the provider's, or the service's own for the region. AWS's own endpoints are left out of the address."),
		"profile":  text("The name of a profile in the AWS configuration files of whoever runs Pulumi. Left out: the environment decides."),
		"use_path_style": schema.BoolAttribute{
			MarkdownDescription: "Address the bucket in the path instead of in the host name. Default: what the service needs; at the provider's own endpoint, what the provider does.",
			Optional:            true, Computed: true,
		},
		"parameters": schema.MapAttribute{
			MarkdownDescription: "Further parameters of the address by Pulumi's names, such as `kmskeyid`. One that the CLI of `tool_version` does not know is refused, as the CLI would. Left out: none.",
			Optional:            true, ElementType: types.StringType, Validators: []validator.Map{mapvalidator.SizeAtLeast(1)},
		},
		"url":              text("The whole address, such as `groundwork_state_bucket.….pulumi_backend_url` or `postgres://db.example.org:5432/pulumi_state`. It must not carry credentials: a user name in it is refused as well, and `PGUSER` and `PGPASSWORD` are honoured."),
		"passphrase_file":  text("With `format = \"dotenv\"` only: the path of the file that holds the passphrase of the stacks' secrets, for `PULUMI_CONFIG_PASSPHRASE_FILE`. The passphrase itself has no place here. Left out: none."),
		"secrets_provider": text("With `format = \"dotenv\"` only: what new stacks encrypt their secrets with, such as `awskms://alias/states?region=eu-west-1`. Pulumi takes it on the command line and in no file that all stacks share, so that it becomes a comment. Left out: none."),
		"aws_variables": schema.BoolAttribute{
			MarkdownDescription: "With `format = \"dotenv\"` and `bucket` only: whether `AWS_REGION` and `AWS_ENDPOINT_URL_S3` are written as well. They also move what Pulumi's programs do with S3, so set `false` where those work with AWS and the states are elsewhere. Left out: `true`.",
			Optional:            true,
		},
		"tool_version": schema.StringAttribute{
			MarkdownDescription: "The version of the Pulumi CLI that reads the address, such as `3.258.0`: the address has only parameters that it knows, and a warning says what is known to go wrong with it. Left out: an address that every version accepts.",
			Optional:            true, Validators: []validator.String{pulumiToolVersion{}},
		},
		"project": schema.SingleNestedAttribute{
			MarkdownDescription: "With `format = \"pulumi_project\"` only: what to make a `Pulumi.yaml` of that does not exist. In one that exists, nothing but `backend.url` is changed. Left out: the file has to exist.",
			Optional:            true,
			Attributes: map[string]schema.Attribute{
				"name":        schema.StringAttribute{MarkdownDescription: "The project's name.", Required: true, Validators: notEmpty()},
				"runtime":     schema.StringAttribute{MarkdownDescription: "The language host: `yaml`, `nodejs`, `python`, `go`, `dotnet`, `java`, or another one's name.", Required: true, Validators: notEmpty()},
				"description": text("The project's description. Left out: none."),
			},
		},
	}
}

func backendLockDatabaseAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Optional: true, Validators: notEmpty()}
	}
	return map[string]schema.Attribute{
		"host": schema.StringAttribute{MarkdownDescription: "The server's name or IP address (`PULUMI_LOCK_DB_HOST`).", Required: true, Validators: notEmpty()},
		"port": schema.Int64Attribute{
			MarkdownDescription: "The server's port (`PULUMI_LOCK_DB_PORT`). Left out: not written.", Optional: true, Validators: []validator.Int64{int64validator.Between(1, 65535)},
		},
		"name": text("The database (`PULUMI_LOCK_DB_NAME`). Left out: not written."),
		"user": text("Who to connect as (`PULUMI_LOCK_DB_USER`). Left out: not written."),
		"timeout": schema.Int64Attribute{
			MarkdownDescription: "How long to wait for a lock, in seconds (`PULUMI_LOCK_TIMEOUT`). Left out: not written.", Optional: true, Validators: []validator.Int64{int64validator.AtLeast(0)},
		},
		"scope": schema.StringAttribute{
			MarkdownDescription: "What is locked (`PULUMI_LOCK_SCOPE`): `stack`, or `backend` for all stacks together. Left out: not written.", Optional: true,
			Validators: []validator.String{stringvalidator.OneOf("stack", "backend")},
		},
	}
}

// pulumiToolVersion checks a version of the Pulumi CLI.
type pulumiToolVersion struct{}

// Description implements validator.String.
func (pulumiToolVersion) Description(context.Context) string {
	return "a version of the Pulumi CLI such as 3.258.0, or latest"
}

// MarkdownDescription implements validator.String.
func (v pulumiToolVersion) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (v pulumiToolVersion) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := backendcfg.ParsePulumiVersion(req.ConfigValue.ValueString()); err != nil || req.ConfigValue.ValueString() == "" {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Tool Version", "Write "+v.Description(ctx)+".")
	}
}
