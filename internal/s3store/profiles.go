package s3store

// lifecycleAll marks the lifecycle capability and all its parts.
func lifecycleAll(m map[Capability]Support, s Support) map[Capability]Support {
	for _, c := range []Capability{
		CapLifecycle, CapLifecycleNoncurrent, CapLifecycleVersionsToKeep,
		CapLifecycleAbortUploads, CapLifecycleDeleteMarkers, CapLifecycleExpirations,
	} {
		if _, set := m[c]; !set {
			m[c] = s
		}
	}
	return m
}

// profiles are the known services, in documentation order.
var profiles = []Profile{
	{
		Name: "aws", DisplayName: "AWS S3", IsAWS: true, AWSChecksums: true,
		Dialect: DialectAWS, DefaultRegion: "",
		Lock: LockSafe, LockReason: "If-None-Match on PUT since August 2024, also on versioned buckets",
		Calls: lifecycleAll(map[Capability]Support{
			CapVersioning: Supported, CapEncryption: Supported, CapPublicAccessBlock: Supported,
			CapRequireTLS: Supported, CapPolicy: Supported, CapTags: Supported,
			CapObjectLock: Supported, CapLogging: Supported, CapConditionalPut: Supported,
		}, Supported),
		Sources: []Source{{URL: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html", Date: "2026-11-22"}},
	},
	{
		Name: "scaleway", DisplayName: "Scaleway Object Storage",
		Endpoint: "https://s3.{region}.scw.cloud", Regions: []string{"fr-par", "nl-ams", "pl-waw"},
		DefaultRegion: "fr-par", Dialect: DialectScaleway,
		AccessKeyVars: []string{"SCW_ACCESS_KEY"}, SecretKeyVars: []string{"SCW_SECRET_KEY"},
		RegionVars:  []string{"SCW_DEFAULT_REGION", "SCW_REGION"},
		ProjectVars: []string{"SCW_DEFAULT_PROJECT_ID", "SCW_PROJECT_ID"},
		Lock:        LockSafe, LockReason: "conditional writes and Terraform state locking since 2026-05-26",
		Calls: lifecycleAll(map[Capability]Support{
			CapVersioning: Supported, CapEncryption: Supported, CapPublicAccessBlock: Unsupported,
			// A policy there denies everyone it does not name, so a lone TLS Deny cannot be said.
			CapRequireTLS: Unsupported, CapPolicy: Supported, CapTags: Supported,
			CapObjectLock: Supported, CapLogging: Unsupported, CapConditionalPut: Supported,
		}, Supported),
		Sources: []Source{
			{URL: "https://www.scaleway.com/en/docs/object-storage/api-cli/using-api-call-list/", Date: "2025-02-01"},
			{URL: "https://www.scaleway.com/en/docs/object-storage/api-cli/bucket-policy/", Date: "2026-07-01"},
			{URL: "https://www.scaleway.com/en/docs/object-storage/api-cli/using-conditional-writes/", Date: "2026-07-01"},
		},
	},
	{
		Name: "minio", DisplayName: "MinIO", EndpointRequired: true, DefaultRegion: "us-east-1",
		PathStyle: true, Dialect: DialectAWS, SerialSettings: true,
		Lock: LockSafe, LockReason: "If-None-Match checked under the object lock since 2023-02-06",
		Calls: lifecycleAll(map[Capability]Support{
			CapVersioning: Supported,
			// Encryption works only where the server has a KMS key: asked of the live endpoint.
			CapEncryption: Unknown, CapPublicAccessBlock: Unsupported,
			// It evaluates bucket policies for anonymous requests only: the Deny is stored and stops
			// nobody who signs. Measured.
			CapRequireTLS: Unsupported, CapPolicy: Supported, CapTags: Supported,
			CapObjectLock: Supported, CapLogging: Unsupported, CapConditionalPut: Supported,
			CapLifecycleAbortUploads: Unsupported,
		}, Supported),
		Sources: []Source{{URL: "https://github.com/minio/minio (7aac2a2c), measured", Date: "2026-11-22"}},
	},
	{
		Name: "versity", DisplayName: "Versity S3 Gateway", EndpointRequired: true, DefaultRegion: "us-east-1",
		PathStyle: true, Dialect: DialectAWS,
		Lock: LockUnsafe, LockReason: "its posix store checks If-None-Match and then renames, so two writers at once can both win; with versioning a deleted object still counts as present (measured with 1.8.0)",
		Calls: lifecycleAll(map[Capability]Support{
			// Versioning needs the gateway to be started with --versioning-dir.
			CapVersioning: Unknown, CapEncryption: Unsupported, CapPublicAccessBlock: Unsupported,
			CapRequireTLS: Supported, CapPolicy: Supported, CapTags: Supported,
			CapObjectLock: Supported, CapLogging: Unsupported, CapConditionalPut: Supported,
		}, Unsupported),
		Sources: []Source{{URL: "https://github.com/versity/versitygw (v1.8.0), measured", Date: "2026-11-22"}},
	},
	{
		Name: "custom", DisplayName: "the S3-compatible service", EndpointRequired: true, DefaultRegion: "us-east-1",
		PathStyle: true, Dialect: DialectAWS, SerialSettings: true, Lock: LockUnknown,
		LockReason: "nothing is known about this service: the probe decides",
		Calls:      map[Capability]Support{},
	},
}
