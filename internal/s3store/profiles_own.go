package s3store

// Servers that people run themselves: the user names the endpoint.

var minioProfile = Profile{
	Name: "minio", DisplayName: "MinIO", EndpointRequired: true, DefaultRegion: "us-east-1",
	PathStyle: true, Dialect: DialectAWS, AnonymousPolicies: true, SerialSettings: true, TrailingChecksums: Supported,
	Lock: LockSafe, LockReason: "If-None-Match checked under the object lock since 2023-02-06",
	Calls: lifecycleAll(map[Capability]Support{
		CapVersioning: Supported,
		// Encryption works only where the server has a KMS key: asked of the live endpoint.
		CapEncryption: Unknown, CapPublicAccessBlock: Unsupported,
		CapRequireTLS: Unsupported, CapPolicy: Supported, CapTags: Supported,
		CapObjectLock: Supported, CapLogging: Unsupported, CapConditionalPut: Supported,
		CapLifecycleAbortUploads: Unsupported,
	}, Supported),
	Reasons: map[Capability]string{
		// Measured.
		CapRequireTLS: "it applies bucket policies to anonymous requests only, so that the statement would stop nobody who signs",
	},
	Sources: []Source{{URL: "https://github.com/minio/minio (7aac2a2c), measured", Date: "2026-11-22"}},
}

var garageProfile = Profile{
	Name: "garage", DisplayName: "Garage", EndpointRequired: true, DefaultRegion: "garage",
	PathStyle: true, Dialect: DialectNone, AccessElsewhere: true, SerialSettings: true, TrailingChecksums: Supported,
	Lock: LockUnsafe, LockReason: "it ignores If-None-Match, so that every writer takes the lock",
	Calls: noVersions(map[Capability]Support{
		CapLifecycle: Supported, CapLifecycleExpirations: Supported, CapLifecycleAbortUploads: Supported,
		CapEncryption: Unsupported, CapPublicAccessBlock: Unsupported, CapRequireTLS: Unsupported,
		CapPolicy: Unsupported, CapTags: Unsupported, CapLogging: Unsupported, CapConditionalPut: Unsupported,
	}),
	Reasons: map[Capability]string{
		CapEncryption: "it knows keys of the customer only (SSE-C)", CapRequireTLS: noPolicies, CapPolicy: noPolicies,
		CapVersioning: "it keeps no superseded versions: enable the tools' own backups, or copy states elsewhere",
	},
	Sources: []Source{
		{URL: "https://garagehq.deuxfleurs.fr/documentation/reference-manual/s3-compatibility/", Date: "2026-11-26"},
		{URL: "https://git.deuxfleurs.fr/Deuxfleurs/garage (1.2.0, put.rs)", Date: "2026-11-22"},
	},
}

var seaweedfsProfile = Profile{
	Name: "seaweedfs", DisplayName: "SeaweedFS", EndpointRequired: true, DefaultRegion: "us-east-1",
	PathStyle: true, Dialect: DialectAWS, SerialSettings: true, TrailingChecksums: Supported,
	Lock: LockUnknown, LockReason: "recent releases evaluate the header under a lock of the path, 4.07 was wrong on versioned buckets with object lock: the probe decides",
	Calls: lifecycleAll(map[Capability]Support{
		CapVersioning: Supported, CapEncryption: Supported, CapPublicAccessBlock: Supported, CapRequireTLS: Unsupported,
		CapPolicy: Supported, CapTags: Supported, CapObjectLock: Supported,
		// Rules are documented; how many versions to keep is not.
		CapLifecycleVersionsToKeep: Unknown, CapLifecycleDeleteMarkers: Unknown,
	}, Supported),
	Reasons: map[Capability]string{CapRequireTLS: proxiedTLS},
	Sources: []Source{{URL: "https://github.com/seaweedfs/seaweedfs (cc8364a0)", Date: "2026-11-22"}},
}

var versityProfile = Profile{
	Name: "versity", DisplayName: "Versity S3 Gateway", EndpointRequired: true, DefaultRegion: "us-east-1",
	PathStyle: true, Dialect: DialectKeys, TrailingChecksums: Supported,
	Lock: LockUnsafe, LockReason: "its posix store checks If-None-Match and then renames, so two writers at once can both win; with versioning a deleted object still counts as present (measured with 1.8.0)",
	Calls: lifecycleAll(map[Capability]Support{
		// Versioning needs the gateway to be started with --versioning-dir.
		CapVersioning: Unknown, CapEncryption: Unsupported, CapPublicAccessBlock: Unsupported,
		// Measured: it denies a user over http and not over https, and its root user neither way.
		CapRequireTLS: Supported, CapPolicy: Supported, CapTags: Supported,
		CapObjectLock: Supported, CapLogging: Unsupported, CapConditionalPut: Supported,
	}, Unsupported),
	Sources: []Source{{URL: "https://github.com/versity/versitygw (v1.8.0), measured", Date: "2026-11-22"}},
}

var customProfile = Profile{
	Name: "custom", DisplayName: "the S3-compatible service", EndpointRequired: true, DefaultRegion: "us-east-1",
	PathStyle: true, Dialect: DialectAWS, SerialSettings: true, Lock: LockUnknown,
	LockReason: "nothing is known about this service: the probe decides",
	// The one thing that is not tried: where it goes wrong, nobody is left who could undo it.
	Calls:   map[Capability]Support{CapRequireTLS: Unsupported},
	Reasons: map[Capability]string{CapRequireTLS: undocumentedTLS},
}
