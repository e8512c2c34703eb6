package provider

import (
	"maps"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

var identifier = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_-]*$`)

func notEmpty() []validator.String { return []validator.String{stringvalidator.LengthAtLeast(1)} }

// backendInputAttributes are those of backendInputs, as a resource has them.
func backendInputAttributes() map[string]schema.Attribute {
	attributes := backendTypeAttributes()
	maps.Copy(attributes, backendSharedAttributes())
	return attributes
}

// backendTypeAttributes are the places where a state can be, and what goes with one of them.
func backendTypeAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"s3": schema.SingleNestedAttribute{
			MarkdownDescription: "Where the state is, in a bucket. Exactly one of `s3`, `pg`, `http` and `pulumi` is needed. There is no room for credentials: they come from the environment or an AWS profile when the tool runs, and a value that looks like one is refused.",
			Optional:            true,
			Attributes:          backendS3Attributes(),
		},
		"pg": schema.SingleNestedAttribute{
			MarkdownDescription: "Where the state is, in PostgreSQL, with a workspace as a row named after it; `pg = {}` is enough. There is no room for the connection: the tool reads it from `PG_CONN_STR`, and a value that carries credentials is refused. " +
				"The tool always locks, by a lock of its PostgreSQL session, so that the connection must not lead through a PgBouncer that pools transactions. " +
				"OpenTofu 1.10 and newer lock differently than Terraform and older OpenTofu: never use both with one database.",
			Optional:   true,
			Attributes: backendPGAttributes(),
		},
		"http": schema.SingleNestedAttribute{
			MarkdownDescription: "Where the state is, behind a REST address, as GitLab and others serve it. There is no room for credentials: the tool reads them from `TF_HTTP_USERNAME`, `TF_HTTP_PASSWORD` and `TF_HTTP_CLIENT_PRIVATE_KEY_PEM`.",
			Optional:            true,
			Attributes:          backendHTTPAttributes(),
		},
		"pulumi": schema.SingleNestedAttribute{
			MarkdownDescription: "Where the states of Pulumi's stacks are; with `format = \"pulumi_project\"` and `\"dotenv\"`. There is no room for credentials or the passphrase: they come from the environment.",
			Optional:            true,
			Attributes:          backendPulumiAttributes(),
		},
		"lock_database": schema.SingleNestedAttribute{
			MarkdownDescription: "With `format = \"dotenv\"` only: the database in which `groundwork exec` locks, for the variables `PULUMI_LOCK_…`. Pulumi itself reads none of them. The password has no place here. Left out: none.",
			Optional:            true,
			Attributes:          backendLockDatabaseAttributes(),
		},
	}
}

// backendSharedAttributes say how the place is spoken to, and who reads the file.
func backendSharedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"service": schema.StringAttribute{
			MarkdownDescription: "With `s3` and `pulumi.bucket` only: the S3-compatible service, which decides the flags that the tool needs: " + quotedList(s3store.ServiceNames()) + ". Default: the provider's service, or what an `s3.endpoint` other than the provider's tells. With `service`, and `s3.endpoint` where the service has no well-known one, the provider needs no configuration at all.",
			Optional:            true, Computed: true,
			Validators: []validator.String{stringvalidator.OneOf(s3store.ServiceNames()...)},
		},
		"lock": schema.StringAttribute{
			MarkdownDescription: "How the tool locks the state in a bucket: `lockfile` (an object beside the state, `use_lockfile`), `dynamodb` (`dynamodb_table`), `none`, or `auto`: a lock file where the service is known to honour it and the tool can use it, else the table if there is one, else none with a warning. " +
				"Takes `groundwork_state_bucket.….lock_strategy` as it is; its `unknown`, on a bucket that nothing has probed, is an error that says how to find out, unless there is a `dynamodb_table`. `lockfile` is taken at its word on a service that groundwork does not know, and refused on one that is known to lose locks. With `pg`, which always locks, and with `http` and `pulumi`, `auto` alone is allowed. Default: `auto`.",
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(backendcfg.LockAuto)),
			Validators: []validator.String{stringvalidator.OneOf(
				string(backendcfg.LockAuto), string(backendcfg.LockLockfile), string(backendcfg.LockDynamoDB), string(backendcfg.LockNone), lockUnknown)},
		},
		"dynamodb_table": schema.StringAttribute{
			MarkdownDescription: "With `s3` only: the DynamoDB table to lock with, for `lock = \"dynamodb\"` and as the second choice of `auto`. Left out: none.",
			Optional:            true, Computed: true, Validators: notEmpty(),
		},
		"remote_states": schema.MapNestedAttribute{
			MarkdownDescription: "Other states that this configuration reads, such as that of an earlier phase: each becomes a `terraform_remote_state` data source of this name. What an entry leaves out is as in `s3`, `pg` or `http`; it is of the same type. Not with `format = \"tfbackend\"`. Left out: none.",
			Optional:            true, Computed: true,
			NestedObject: schema.NestedAttributeObject{Attributes: backendRemoteAttributes()},
			Validators: []validator.Map{mapvalidator.KeysAre(
				stringvalidator.RegexMatches(identifier, "it names a data source: letters, digits, _ and -, starting with a letter"))},
		},
		"tool": schema.StringAttribute{
			MarkdownDescription: "The tool that reads the file, of a state that is not Pulumi's: `terraform` or `opentofu`. It decides which arguments there are and what shadows the file. Default: `terraform`.",
			Optional:            true, Computed: true, Default: stringdefault.StaticString(string(backendcfg.Terraform)),
			Validators: []validator.String{stringvalidator.OneOf(string(backendcfg.Terraform), string(backendcfg.OpenTofu))},
		},
		"tool_version": schema.StringAttribute{
			MarkdownDescription: "The oldest version of the tool that reads the file, such as `1.9.0`: arguments are spelled as it knows them, and one that it lacks is left out with a warning. Default: `latest`.",
			Optional:            true, Computed: true, Default: stringdefault.StaticString(toolLatest),
			Validators: []validator.String{toolVersion{}},
		},
	}
}

func backendS3Attributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"bucket": schema.StringAttribute{
			MarkdownDescription: "The bucket's name.", Required: true,
		},
		"key": schema.StringAttribute{
			MarkdownDescription: "The state's key in the bucket, such as `infra/terraform.tfstate`; the function `state_key` makes one. It must not start or end with `/`, nor hold `//` or `..`.",
			Required:            true,
		},
		"region": schema.StringAttribute{
			MarkdownDescription: "The bucket's region. Default: the provider's, or the service's default region; for `service = \"aws\"` under another provider configuration it is left out, and the environment gives it.",
			Optional:            true, Computed: true, Validators: notEmpty(),
		},
		"endpoint": schema.StringAttribute{
			MarkdownDescription: "The service's URL. Default: the provider's, or the service's own for the region. AWS's own endpoints are left out of the file.",
			Optional:            true, Computed: true, Validators: notEmpty(),
		},
		"workspace_key_prefix": schema.StringAttribute{
			MarkdownDescription: "What the keys of the states of workspaces start with. Left out: the tool's own `env:`.",
			Optional:            true, Validators: notEmpty(),
		},
		"encrypt": schema.BoolAttribute{
			MarkdownDescription: "Ask for encryption with each write. Left out: what the bucket does by default; not every service takes the header.",
			Optional:            true,
		},
		"kms_key_id": schema.StringAttribute{
			MarkdownDescription: "The KMS key to encrypt with. Left out: none is named.", Optional: true, Validators: notEmpty(),
		},
		"profile": schema.StringAttribute{
			MarkdownDescription: "The name of a profile in the AWS configuration files of whoever runs the tool. Left out: the environment decides.",
			Optional:            true, Validators: notEmpty(),
		},
		"use_path_style": schema.BoolAttribute{
			MarkdownDescription: "Address the bucket in the path instead of in the host name. Default: what the service needs; at the provider's own endpoint, what the provider does.",
			Optional:            true, Computed: true,
		},
		"skip_s3_checksum": schema.BoolAttribute{
			MarkdownDescription: "Do not send the SHA-256 checksum that some services refuse. Terraform then still sends a CRC32 one, which takes two variables in the environment to switch off: the file and a warning name them. Default: `true` on services that are known to need it, else `false`.",
			Optional:            true, Computed: true,
		},
		"max_retries": schema.Int64Attribute{
			MarkdownDescription: "How often the tool tries one request again. Left out: the tool's default of 5.",
			Optional:            true, Validators: []validator.Int64{int64validator.Between(0, 100)},
		},
		"custom_ca_bundle": schema.StringAttribute{
			MarkdownDescription: "The path of a PEM file with certificate authorities, as the tool will see it. Left out: the system's.",
			Optional:            true, Validators: notEmpty(),
		},
		"dynamodb_endpoint": schema.StringAttribute{
			MarkdownDescription: "The URL of an emulation of DynamoDB. Left out: AWS's own.", Optional: true, Validators: notEmpty(),
		},
		"sts_endpoint": schema.StringAttribute{
			MarkdownDescription: "The URL of an emulation of AWS STS. Left out: AWS's own.", Optional: true, Validators: notEmpty(),
		},
		"assume_role": schema.SingleNestedAttribute{
			MarkdownDescription: "An IAM role that the tool assumes. Left out: none.",
			Optional:            true, Attributes: backendRoleAttributes(),
		},
	}
}

func backendPGAttributes() map[string]schema.Attribute {
	skip := func(what string) schema.BoolAttribute {
		return schema.BoolAttribute{MarkdownDescription: "Expect the " + what + " to exist instead of creating it. Left out: the tool's own, which is to create it.", Optional: true}
	}
	return map[string]schema.Attribute{
		"schema_name": schema.StringAttribute{
			MarkdownDescription: "The schema with the table of states. It is always written, so that `PG_SCHEMA_NAME` does not lead elsewhere. Default: `" + backendcfg.DefaultPGSchema + "`.",
			Optional:            true, Computed: true, Validators: notEmpty(),
		},
		"skip_schema_creation": skip("schema"),
		"skip_table_creation":  skip("table"),
		"skip_index_creation":  skip("index"),
		"table_name": schema.StringAttribute{
			MarkdownDescription: "The table of states; OpenTofu 1.10 and newer only. Left out: the tool's own `states`.",
			Optional:            true, Validators: notEmpty(),
		},
		"index_name": schema.StringAttribute{
			MarkdownDescription: "The table's index; OpenTofu 1.10 and newer only. Left out: the tool's own `states_by_name`.",
			Optional:            true, Validators: notEmpty(),
		},
	}
}

func backendRoleAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"role_arn":     schema.StringAttribute{MarkdownDescription: "The role's ARN.", Required: true, Validators: notEmpty()},
		"session_name": schema.StringAttribute{MarkdownDescription: "The session's name. Left out: the tool makes one up.", Optional: true, Validators: notEmpty()},
		"external_id":  schema.StringAttribute{MarkdownDescription: "The external ID that the role demands. Left out: none.", Optional: true, Validators: notEmpty()},
		"duration": schema.StringAttribute{
			MarkdownDescription: "How long the session lasts, from `15m` to `12h`. Left out: AWS's default of an hour.",
			Optional:            true, Validators: []validator.String{roleDuration{}},
		},
		"policy": schema.StringAttribute{MarkdownDescription: "A policy document that narrows the session further. Left out: none.", Optional: true, Validators: notEmpty()},
		"policy_arns": schema.ListAttribute{
			MarkdownDescription: "ARNs of policies that narrow the session further. Left out: none.",
			Optional:            true, ElementType: types.StringType, Validators: []validator.List{listvalidator.SizeAtLeast(1)},
		},
		"tags": schema.MapAttribute{
			MarkdownDescription: "Tags of the session. Left out: none.",
			Optional:            true, ElementType: types.StringType, Validators: []validator.Map{mapvalidator.SizeAtLeast(1)},
		},
		"transitive_tag_keys": schema.ListAttribute{
			MarkdownDescription: "Those of the tags that pass on to further roles. Left out: none.",
			Optional:            true, ElementType: types.StringType, Validators: []validator.List{listvalidator.SizeAtLeast(1)},
		},
	}
}

func backendRemoteAttributes() map[string]schema.Attribute {
	asInS3 := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description + " Default: as in `s3`.", Optional: true, Computed: true, Validators: notEmpty()}
	}
	asInPG := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description + " With `pg` only. Default: as in `pg`.", Optional: true, Computed: true, Validators: notEmpty()}
	}
	return map[string]schema.Attribute{
		"key": schema.StringAttribute{
			MarkdownDescription: "The other state's key. Needed with `s3`; not with others.", Optional: true, Validators: notEmpty(),
		},
		"bucket":   asInS3("The bucket it is in."),
		"region":   asInS3("That bucket's region."),
		"endpoint": asInS3("The service's URL, of the same kind of service."),
		"workspace_key_prefix": schema.StringAttribute{
			MarkdownDescription: "What the keys of its workspaces start with; empty for the tool's own. Default: as in `s3`.",
			Optional:            true, Computed: true,
		},
		"schema_name": asInPG("The schema it is in."),
		"table_name":  asInPG("The table it is in."),
		"index_name":  asInPG("That table's index."),
		"address": schema.StringAttribute{
			MarkdownDescription: "The other state's URL. Needed with `http`; not with others.", Optional: true, Validators: notEmpty(),
		},
		"workspace": schema.StringAttribute{
			MarkdownDescription: "The workspace to read. Left out: `default`.", Optional: true, Validators: notEmpty(),
		},
		"defaults": schema.StringAttribute{
			MarkdownDescription: "Outputs to assume while that state has none, as a JSON object: `jsonencode({ cluster_id = null })`. Left out: none.",
			Optional:            true, Validators: []validator.String{jsonObject{}},
		},
	}
}

// asDataSource turns attributes of a resource into those of a data source that takes the same.
func asDataSource(in map[string]schema.Attribute) map[string]datasource.Attribute {
	out := make(map[string]datasource.Attribute, len(in))
	for name, a := range in {
		switch a := a.(type) {
		case schema.StringAttribute:
			out[name] = datasource.StringAttribute{
				MarkdownDescription: a.MarkdownDescription, Required: a.Required, Optional: a.Optional, Computed: a.Computed, Validators: a.Validators}
		case schema.BoolAttribute:
			out[name] = datasource.BoolAttribute{
				MarkdownDescription: a.MarkdownDescription, Required: a.Required, Optional: a.Optional, Computed: a.Computed, Validators: a.Validators}
		case schema.Int64Attribute:
			out[name] = datasource.Int64Attribute{
				MarkdownDescription: a.MarkdownDescription, Required: a.Required, Optional: a.Optional, Computed: a.Computed, Validators: a.Validators}
		case schema.ListAttribute:
			out[name] = datasource.ListAttribute{ElementType: a.ElementType,
				MarkdownDescription: a.MarkdownDescription, Required: a.Required, Optional: a.Optional, Computed: a.Computed, Validators: a.Validators}
		case schema.MapAttribute:
			out[name] = datasource.MapAttribute{ElementType: a.ElementType,
				MarkdownDescription: a.MarkdownDescription, Required: a.Required, Optional: a.Optional, Computed: a.Computed, Validators: a.Validators}
		case schema.SingleNestedAttribute:
			out[name] = datasource.SingleNestedAttribute{Attributes: asDataSource(a.Attributes),
				MarkdownDescription: a.MarkdownDescription, Required: a.Required, Optional: a.Optional, Computed: a.Computed, Validators: a.Validators}
		case schema.MapNestedAttribute:
			out[name] = datasource.MapNestedAttribute{
				NestedObject:        datasource.NestedAttributeObject{Attributes: asDataSource(a.NestedObject.Attributes)},
				MarkdownDescription: a.MarkdownDescription, Required: a.Required, Optional: a.Optional, Computed: a.Computed, Validators: a.Validators}
		}
	}
	return out
}
