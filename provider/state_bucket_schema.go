package provider

import (
	"context"
	"maps"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// bucketName is what every service accepts as a bucket's name.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

const hardened = " Left out: on for a bucket that groundwork creates, untouched on one that it adopted or imported. Where the service lacks it, it is left out and stands in `unsupported`."

// Schema implements resource.Resource.
func (r *stateBucketResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := map[string]schema.Attribute{}
	for _, group := range []map[string]schema.Attribute{
		bucketPlaceAttributes(), bucketSettingAttributes(), bucketAccessAttributes(), bucketGuardAttributes(), bucketComputedAttributes(),
	} {
		maps.Copy(attributes, group)
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "A bucket that holds infrastructure state: versioned, encrypted, closed to the public and reachable over TLS only, as far as the service can. " +
			"Creating it probes whether lock objects hold on it; destroying it is refused while it holds live state.\n\n" +
			"Whatever others have put into the bucket's policy, lifecycle rules and tags stays as it is: groundwork owns the policy statements and rules whose name starts with `groundwork-`, and the tags that are declared.",
		Attributes: attributes,
	}
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *stateBucketResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"name":   identityschema.StringAttribute{RequiredForImport: true, Description: "The bucket's name."},
		"region": identityschema.StringAttribute{OptionalForImport: true, Description: "The bucket's region; the provider's when left out."},
	}}
}

func bucketPlaceAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			MarkdownDescription: "The bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens. Most services share the names among all their customers. Changing it replaces the bucket.",
			Required:            true,
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators: []validator.String{
				stringvalidator.RegexMatches(bucketName, "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, and starts and ends with a letter or digit"),
				noDotPairs{},
			},
		},
		"region": schema.StringAttribute{
			MarkdownDescription: "The bucket's region. Default: the provider's. Changing it replaces the bucket.",
			Optional:            true,
			Computed:            true,
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplaceIfConfigured()},
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
	}
}

func bucketSettingAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"versioning": schema.BoolAttribute{
			MarkdownDescription: "Keep superseded versions of every state, which is what history and rollback live on. `false` suspends it." + hardened,
			Optional:            true, Computed: true,
		},
		"block_public_access": schema.BoolAttribute{
			MarkdownDescription: "Refuse public access, whatever ACLs or policies say (all four flags of the public access block)." + hardened,
			Optional:            true, Computed: true,
		},
		"require_tls": schema.BoolAttribute{
			MarkdownDescription: "Deny requests over plain http by a policy statement (`groundwork-require-tls`). It is written on AWS and Versity, where it is known to work, and nowhere else: a service that ignores the condition, or that stands behind a proxy which ends TLS, would deny everything to everyone. Where you know better, write the statement into `policy`. Not possible on a plain-http endpoint." + hardened,
			Optional:            true, Computed: true,
		},
		"encryption":      bucketEncryption(),
		"lifecycle_rules": bucketLifecycle(),
		"object_lock":     bucketObjectLock(),
		"logging":         bucketLogging(),
		"tags": schema.MapAttribute{
			MarkdownDescription: "Tags to keep on the bucket. Tags that are not declared here stay untouched; one that is no longer declared is removed.",
			Optional:            true, Computed: true, ElementType: types.StringType,
			Validators: []validator.Map{
				mapvalidator.KeysAre(stringvalidator.LengthBetween(1, 128)),
				mapvalidator.ValueStringsAre(stringvalidator.LengthAtMost(256)),
				mapvalidator.SizeAtMost(50),
			},
		},
	}
}

func bucketEncryption() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "Encryption at rest that objects get by default. Left out: `AES256` for a bucket that groundwork creates, untouched on one that it adopted or imported. Where the service lacks it, it is left out and stands in `unsupported`.",
		Optional:            true, Computed: true,
		Attributes: map[string]schema.Attribute{
			"algorithm": schema.StringAttribute{
				MarkdownDescription: "`AES256` (the service's own keys), `aws:kms` (a key of a key management service) or `none` (removes the default).",
				Required:            true,
				Validators:          []validator.String{stringvalidator.OneOf(s3store.EncryptionAES256, s3store.EncryptionKMS, s3store.EncryptionNone)},
			},
			"kms_key_id": schema.StringAttribute{
				MarkdownDescription: "The key for `aws:kms`. Left out: the service's default key.",
				Optional:            true,
			},
		},
	}
}

func bucketLifecycle() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "What the service deletes by itself. Each setting becomes a rule of its own, named `groundwork-…`; rules of others stay. On a bucket that groundwork adopted or imported, what is left out is left alone: nothing schedules the deletion of history that nobody asked for.",
		Optional:            true, Computed: true,
		Attributes: map[string]schema.Attribute{
			"noncurrent_expiration_days": schema.Int64Attribute{
				MarkdownDescription: "Delete superseded versions after that many days; 0 keeps them for ever. Left out: 90 on a bucket that groundwork creates.",
				Optional:            true, Computed: true, Validators: days(0),
			},
			"noncurrent_versions_to_keep": schema.Int64Attribute{
				MarkdownDescription: "Keep that many superseded versions of each object whatever their age; needs `noncurrent_expiration_days`. Left out: 0.",
				Optional:            true, Computed: true, Validators: []validator.Int64{int64validator.Between(0, 100)},
			},
			"abort_incomplete_uploads_days": schema.Int64Attribute{
				MarkdownDescription: "Drop the parts of uploads that were not completed after that many days; 0 keeps them. Left out: 7 on a bucket that groundwork creates.",
				Optional:            true, Computed: true, Validators: days(0),
			},
			"expire_delete_markers": schema.BoolAttribute{
				MarkdownDescription: "Remove delete markers that hide no version any more, such as those that each released lock leaves. Left out: `true` on a bucket that groundwork creates.",
				Optional:            true, Computed: true,
			},
			"expirations": schema.MapAttribute{
				MarkdownDescription: "Delete current objects under a prefix after so many days, such as `{ \".pulumi/backups/\" = 30 }`. A prefix under which live state is kept is refused.",
				Optional:            true, Computed: true, ElementType: types.Int64Type,
				Validators: []validator.Map{
					mapvalidator.KeysAre(expirationPrefix{}),
					mapvalidator.ValueInt64sAre(int64validator.Between(1, 36500)),
				},
			},
		},
	}
}

func bucketObjectLock() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "Default retention of new objects. Most services allow it only on buckets created with it. It cannot be turned off again, only the default retention can. Note that retained versions also keep the bucket from being destroyed. Left out: untouched.",
		Optional:            true, Computed: true,
		Attributes: map[string]schema.Attribute{
			"mode": schema.StringAttribute{
				MarkdownDescription: "`GOVERNANCE` or `COMPLIANCE`. Versions under `COMPLIANCE` cannot be deleted by anyone before their time.",
				Required:            true,
				Validators:          []validator.String{stringvalidator.OneOf("GOVERNANCE", "COMPLIANCE")},
			},
			"days": schema.Int64Attribute{
				MarkdownDescription: "How many days a version is retained.",
				Required:            true, Validators: days(1),
			},
		},
	}
}

func bucketLogging() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		MarkdownDescription: "Where the service writes its access log of this bucket. An empty `target_bucket` turns it off. Left out: untouched.",
		Optional:            true, Computed: true,
		Attributes: map[string]schema.Attribute{
			"target_bucket": schema.StringAttribute{
				MarkdownDescription: "The bucket that receives the log. It exists already and lets the service write.",
				Required:            true,
			},
			"target_prefix": schema.StringAttribute{
				MarkdownDescription: "What the log's keys start with. Left out: nothing.",
				Optional:            true,
			},
		},
	}
}

// days is a span that services take, a hundred years at the most.
func days(least int64) []validator.Int64 {
	return []validator.Int64{int64validator.Between(least, 36500)}
}

func bucketAccessAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"access": schema.SetNestedAttribute{
			MarkdownDescription: "Who may use the bucket, written as policy statements in the service's own dialect. On AWS this adds to what IAM allows. On Scaleway a policy replaces IAM's yes for everyone whom it does not name: name everyone, and yourself in `caller_principal`. On MinIO bucket policies concern anonymous requests only: a warning says so, and how to give users their rights with `mc admin policy`. On services that say in keys, tokens or roles who may use a bucket (OVHcloud, R2, Spaces, B2, Exoscale, Garage) it is an error that says what to do there; the provider's page lists it. Left out: untouched. An empty list removes groundwork's statements.",
			Optional:            true, Computed: true,
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"level": schema.StringAttribute{
					MarkdownDescription: "`read-only` (list and read), `read-write` (what Terraform, OpenTofu and Pulumi need on their state and lock objects) or `admin` (everything).",
					Required:            true,
					Validators:          []validator.String{stringvalidator.OneOf(s3store.AccessLevels()...)},
				},
				"principals": schema.SetAttribute{
					MarkdownDescription: "AWS: ARNs of users, roles or accounts (`arn:aws:iam::123456789012:root`). Scaleway: `user_id:<uuid>` or `application_id:<uuid>`. Versity S3 Gateway: access keys. Wildcards are refused.",
					Required:            true, ElementType: types.StringType,
					Validators: []validator.Set{setvalidator.SizeAtLeast(1)},
				},
				"prefix": schema.StringAttribute{
					MarkdownDescription: "Narrows the entry to keys that start with this, such as `infra/`. Left out: the whole bucket.",
					Optional:            true,
					Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
				},
			}},
		},
		"caller_principal": schema.StringAttribute{
			MarkdownDescription: "Who groundwork runs as, such as `application_id:<uuid>`. Required on Scaleway together with `access` or `policy`, whose policies would shut groundwork itself out otherwise; S3 has no call that tells it.",
			Optional:            true,
		},
		"policy": schema.StringAttribute{
			MarkdownDescription: "Further policy statements as a JSON policy document in the service's dialect, merged into the bucket's policy. Each statement needs a `Sid` of its own, by which it is found again. Left out: untouched.",
			Optional:            true, Computed: true,
			Validators: []validator.String{policyDocument{}},
		},
	}
}

func bucketGuardAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"adopt_existing": schema.BoolAttribute{
			MarkdownDescription: "Take over a bucket of this name that exists and holds something. Its settings are left alone, except for what this configuration says. Default: `false`. A bucket that exists and is empty is completed in any case.",
			Optional:            true, Computed: true, Default: booldefault.StaticBool(false),
		},
		"deletion_protection": schema.BoolAttribute{
			MarkdownDescription: "Refuse to destroy or replace the bucket, whatever it holds. Set it to `false` and apply before a destroy. Default: `true`.",
			Optional:            true, Computed: true, Default: booldefault.StaticBool(true),
		},
		"force_destroy": schema.BoolAttribute{
			MarkdownDescription: "Delete everything in the bucket with it, all versions included. Live state is deleted only if `final_backup_to` is set as well. A bucket that holds the state which manages this very bucket is never destroyed. Default: `false`.",
			Optional:            true, Computed: true, Default: booldefault.StaticBool(false),
		},
		"final_backup_to": schema.StringAttribute{
			MarkdownDescription: "Where all versions of all objects are copied and checked before a destroy: a local folder, or `s3://bucket/prefix` on the same service. Left out: nothing is copied.",
			Optional:            true,
			Validators:          []validator.String{backupTarget{}},
		},
	}
}

func bucketComputedAttributes() map[string]schema.Attribute {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	return map[string]schema.Attribute{
		"id": schema.StringAttribute{
			MarkdownDescription: "The import ID, `name@region`.",
			Computed:            true, PlanModifiers: keep,
		},
		"origin": schema.StringAttribute{
			MarkdownDescription: "How the bucket came under management: `created`, `adopted` or `imported`. It decides what happens to settings that the configuration leaves out.",
			Computed:            true,
		},
		"arn": schema.StringAttribute{
			MarkdownDescription: "The bucket's name in policies: `arn:aws:s3:::name`, on Scaleway the bare name.",
			Computed:            true, PlanModifiers: keep,
		},
		"endpoint": schema.StringAttribute{
			MarkdownDescription: "The endpoint that the bucket was created at. Reading it through another one is an error, never taken for a bucket that is gone.",
			Computed:            true, PlanModifiers: keep,
		},
		"pulumi_backend_url": schema.StringAttribute{
			MarkdownDescription: "The URL for `pulumi login`, without credentials.",
			Computed:            true, PlanModifiers: keep,
		},
		"capabilities": schema.MapAttribute{
			MarkdownDescription: "What the service can do with this bucket, as found when it was created or imported: `supported`, `unsupported` or `unknown` for each of " + capabilityCodes() + ".",
			Computed:            true, ElementType: types.StringType,
		},
		"lock_strategy": schema.StringAttribute{
			MarkdownDescription: "How states in this bucket can be locked: `lockfile` (conditional writes hold; `use_lockfile = true`), `none` (they do not) or `unknown` (an imported bucket on a service that groundwork does not know; the next change to it probes). Pass it to `groundwork_backend_config_file`.",
			Computed:            true,
		},
		"unsupported": schema.SetAttribute{
			MarkdownDescription: "Hardening that groundwork would have switched on and that the service lacks. The codes are those of `capabilities` and are stable.",
			Computed:            true, ElementType: types.StringType,
		},
	}
}

func capabilityCodes() string {
	codes := make([]string, 0, len(s3store.Capabilities()))
	for _, c := range s3store.Capabilities() {
		codes = append(codes, string(c))
	}
	return quotedList(codes)
}
