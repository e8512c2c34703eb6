package s3store

var awsProfile = Profile{
	Name: "aws", DisplayName: "AWS S3", IsAWS: true, AWSChecksums: true, TrailingChecksums: Supported,
	Domains: []string{".amazonaws.com", ".amazonaws.com.cn"},
	Dialect: DialectAWS, DefaultRegion: "",
	Lock: LockSafe, LockReason: "If-None-Match on PUT since August 2024, also on versioned buckets",
	Calls: lifecycleAll(map[Capability]Support{
		CapVersioning: Supported, CapEncryption: Supported, CapPublicAccessBlock: Supported,
		CapRequireTLS: Supported, CapPolicy: Supported, CapTags: Supported,
		CapObjectLock: Supported, CapLogging: Supported, CapConditionalPut: Supported,
	}, Supported),
	Sources: []Source{{URL: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html", Date: "2026-11-22"}},
}

var scalewayProfile = Profile{
	Name: "scaleway", DisplayName: "Scaleway Object Storage",
	Endpoint: "https://s3.{region}.scw.cloud", Regions: []string{"fr-par", "nl-ams", "pl-waw", "it-mil"},
	DefaultRegion: "fr-par", Dialect: DialectScaleway, TrailingChecksums: Supported,
	AccessKeyVars: []string{"SCW_ACCESS_KEY"}, SecretKeyVars: []string{"SCW_SECRET_KEY"},
	RegionVars:  []string{"SCW_DEFAULT_REGION", "SCW_REGION"},
	ProjectVars: []string{"SCW_DEFAULT_PROJECT_ID", "SCW_PROJECT_ID"},
	Lock:        LockSafe, LockReason: "conditional writes and Terraform state locking since 2026-05-26",
	Calls: lifecycleAll(map[Capability]Support{
		CapVersioning: Supported, CapEncryption: Supported, CapPublicAccessBlock: Unsupported,
		CapRequireTLS: Unsupported, CapPolicy: Supported, CapTags: Supported,
		CapObjectLock: Supported, CapLogging: Unsupported, CapConditionalPut: Supported,
	}, Supported),
	Reasons: map[Capability]string{
		CapRequireTLS: "a policy there denies everyone that it does not name, so a statement that only denies cannot stand alone",
	},
	Sources: []Source{
		{URL: "https://www.scaleway.com/en/docs/object-storage/api-cli/using-api-call-list/", Date: "2025-02-01"},
		{URL: "https://www.scaleway.com/en/docs/object-storage/api-cli/bucket-policy/", Date: "2025-07-30"},
		{URL: "https://www.scaleway.com/en/docs/object-storage/api-cli/enable-sse-one/", Date: "2026-02-03"},
		{URL: "https://www.scaleway.com/en/docs/object-storage/api-cli/lifecycle-rules-api/", Date: "2026-03-31"},
		{URL: "https://www.scaleway.com/en/docs/object-storage/api-cli/using-conditional-writes/", Date: "2026-07-01"},
		{URL: "https://github.com/scaleway/scaleway-sdk-js/pull/2948 (the region it-mil)", Date: "2026-11-26"},
	},
}

var ovhProfile = Profile{
	Name: "ovh", DisplayName: "OVHcloud Object Storage",
	Endpoint: "https://s3.{region}.io.cloud.ovh.net",
	OtherEndpoints: []OtherEndpoint{
		{URL: "https://s3.{region}.io.cloud.ovh.us"},
		{URL: "https://s3.{region}.perf.cloud.ovh.net", Calls: lifecycleAll(nil, Unsupported), Reasons: ovhLegacy},
		{URL: "https://s3.{region}.perf.cloud.ovh.us", Calls: lifecycleAll(nil, Unsupported), Reasons: ovhLegacy},
	},
	Dialect: DialectNone, AccessElsewhere: true,
	// Refused in 2025 and reported as solved since.
	TrailingChecksums: Unknown,
	Lock:              LockSafe, LockReason: "conditional writes in all regions since 2026-06-09",
	Calls: lifecycleAll(map[Capability]Support{
		CapVersioning: Supported, CapEncryption: Supported,
		CapRequireTLS: Unsupported, CapPolicy: Unsupported, CapObjectLock: Supported, CapConditionalPut: Supported,
	}, Supported),
	Reasons: map[Capability]string{CapRequireTLS: noPolicies, CapPolicy: "policies belong to users there, not to buckets"},
	Sources: []Source{
		{URL: "https://github.com/ovh/ovhcloud-docs/pull/28 (conditional writes)", Date: "2026-06-09"},
		{URL: "https://help.ovhcloud.com/ (KB0071180, encryption)", Date: "2026-11-22"},
		{URL: "https://help.ovhcloud.com/csm/de-public-cloud-storage-s3-bucket-lifecycle?id=kb_article_view&sysparm_article=KB0066007 (lifecycle rules, and where there are none)", Date: "2025-12-29"},
		{URL: "https://help.ovhcloud.com/csm/en-gb-public-cloud-storage-s3-location?id=kb_article_view&sysparm_article=KB0047382 (endpoints)", Date: "2026-02-03"},
		{URL: "https://www.pulumi.com/registry/packages/ovh/api-docs/cloudproject/s3policy/ (policies of users)", Date: "2026-11-26"},
	},
}

var ovhLegacy = map[Capability]string{
	CapLifecycle: "there are lifecycle rules at the endpoint with io in its name only, https://s3.<region>.io.cloud.ovh.net, which serves the same buckets",
}

var r2Profile = Profile{
	Name: "r2", DisplayName: "Cloudflare R2",
	// The account's identifier stands in it.
	EndpointRequired: true, EndpointLike: "https://<ACCOUNT_ID>.r2.cloudflarestorage.com",
	Domains: []string{".r2.cloudflarestorage.com"},
	Regions: []string{"auto"}, DefaultRegion: "auto", PathStyle: true,
	// It takes checksums in headers.
	Dialect: DialectNone, AccessElsewhere: true, TrailingChecksums: Unsupported,
	Lock: LockSafe, LockReason: "conditional PutObject is documented",
	Calls: noVersions(map[Capability]Support{
		CapLifecycle: Supported, CapLifecycleExpirations: Supported,
		CapEncryption: Unsupported, CapPublicAccessBlock: Unsupported, CapRequireTLS: Unsupported,
		CapPolicy: Unsupported, CapTags: Unsupported, CapConditionalPut: Supported,
	}),
	Reasons: map[Capability]string{
		CapEncryption: "it encrypts everything, and there is nothing to choose",
		CapRequireTLS: noPolicies, CapPolicy: noPolicies,
		CapVersioning: "it keeps no superseded versions: enable the tools' own backups, or copy states elsewhere",
	},
	Sources: []Source{
		{URL: "https://developers.cloudflare.com/r2/api/s3/api/", Date: "2026-11-26"},
		{URL: "https://developers.cloudflare.com/r2/api/s3/extensions/", Date: "2026-11-22"},
		{URL: "https://developers.cloudflare.com/r2/api/tokens/", Date: "2026-11-26"},
		{URL: "https://developers.cloudflare.com/terraform/advanced-topics/remote-backend/ (checksums)", Date: "2026-11-26"},
		{URL: "https://github.com/bitfoundation/bitplatform/issues/13362 (trailing checksums)", Date: "2026-09-22"},
	},
}

var b2Profile = Profile{
	Name: "b2", DisplayName: "Backblaze B2",
	Endpoint: "https://s3.{region}.backblazeb2.com",
	Dialect:  DialectNone, AccessElsewhere: true, AlwaysVersioned: true, TrailingChecksums: Unsupported,
	AccessKeyVars: []string{"B2_APPLICATION_KEY_ID"}, SecretKeyVars: []string{"B2_APPLICATION_KEY"},
	Lock: LockUnsafe, LockReason: "a conditional PutObject is answered with 501 NotImplemented",
	Calls: map[Capability]Support{
		CapVersioning: Supported, CapEncryption: Supported, CapRequireTLS: Unsupported, CapPolicy: Unsupported,
		CapObjectLock: Supported, CapConditionalPut: Unsupported,
	},
	Reasons: map[Capability]string{CapRequireTLS: "it answers over https only, and has no bucket policies", CapPolicy: noPolicies},
	Sources: []Source{
		{URL: "https://github.com/hashicorp/terraform/issues/37143 (conditional writes)", Date: "2026-11-22"},
		{URL: "https://www.backblaze.com/docs/cloud-storage-call-the-s3-compatible-api", Date: "2026-11-26"},
		{URL: "https://www.backblaze.com/apidocs/s3-put-bucket-encryption", Date: "2026-11-26"},
	},
}

var wasabiProfile = Profile{
	Name: "wasabi", DisplayName: "Wasabi",
	Endpoint: "https://s3.{region}.wasabisys.com", RegionEndpoints: map[string]string{"us-east-1": "https://s3.wasabisys.com"},
	Dialect: DialectAWS,
	Lock:    LockUnknown, LockReason: "whether conditional writes hold is not documented: the probe decides",
	Calls:   map[Capability]Support{CapVersioning: Supported, CapPolicy: Supported, CapRequireTLS: Unsupported, CapObjectLock: Supported},
	Reasons: map[Capability]string{CapRequireTLS: undocumentedTLS},
	Sources: []Source{{URL: "https://docs.wasabi.com/", Date: "2026-11-22"}},
}

var exoscaleProfile = Profile{
	Name: "exoscale", DisplayName: "Exoscale SOS",
	Endpoint: "https://sos-{region}.exo.io",
	Dialect:  DialectNone, AccessElsewhere: true,
	AccessKeyVars: []string{"EXOSCALE_API_KEY"}, SecretKeyVars: []string{"EXOSCALE_API_SECRET"},
	Lock: LockUnknown, LockReason: "conditional writes since 2025-08-19, and an older page that still denies them: the probe decides",
	Calls: map[Capability]Support{
		CapVersioning: Supported, CapEncryption: Unsupported, CapRequireTLS: Unsupported, CapPolicy: Unsupported,
		CapTags: Unsupported, CapObjectLock: Supported,
	},
	Reasons: map[Capability]string{
		CapEncryption: "it knows keys of the customer only (SSE-C)", CapRequireTLS: "its bucket policies have a language of their own",
		CapPolicy: "its bucket policies have a language of their own, which groundwork does not write",
	},
	Sources: []Source{
		{URL: "https://changelog-ng.exoscale.com/ (conditional writes)", Date: "2025-08-19"},
		{URL: "https://community.exoscale.com/ (object storage)", Date: "2026-11-22"},
		{URL: "https://www.pulumi.com/registry/packages/exoscale/api-docs/sosbucketpolicy (policies)", Date: "2026-11-26"},
	},
}

var ionosProfile = Profile{
	Name: "ionos", DisplayName: "IONOS Object Storage",
	Endpoint: "https://s3-{region}.ionoscloud.com", Regions: []string{"de", "eu-central-2", "eu-south-2", "eu-central-3"},
	RegionEndpoints: map[string]string{
		"de": "https://s3-eu-central-1.ionoscloud.com", "eu-central-3": "https://s3.eu-central-3.ionoscloud.com",
	},
	Domains: []string{"s3-de-central.profitbricks.com"},
	Dialect: DialectAWS, AccessKeyVars: []string{"IONOS_S3_ACCESS_KEY"}, SecretKeyVars: []string{"IONOS_S3_SECRET_KEY"},
	Lock: LockUnknown, LockReason: "whether conditional writes hold is not documented: the probe decides",
	Calls: map[Capability]Support{
		CapVersioning: Supported, CapEncryption: Supported, CapPublicAccessBlock: Supported, CapLifecycle: Supported,
		CapLifecycleExpirations: Supported, CapRequireTLS: Unsupported, CapPolicy: Supported, CapTags: Supported, CapObjectLock: Supported,
	},
	Reasons: map[Capability]string{CapRequireTLS: undocumentedTLS},
	Sources: []Source{{URL: "https://api.ionos.com/docs/s3", Date: "2026-11-22"}},
}
