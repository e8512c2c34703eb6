package s3store

// Ceph's gateway, and the services that are built on it. They share what is known of its code, and
// differ in release: what depends on that is asked.

const cephLock = "on Ceph, conditional writes to versioned buckets hold since a change of July 2025; which release answers is not known: the probe decides"

var spacesProfile = Profile{
	Name: "spaces", DisplayName: "DigitalOcean Spaces",
	Endpoint: "https://{region}.digitaloceanspaces.com",
	Dialect:  DialectAWS, AccessElsewhere: true, TrailingChecksums: Unsupported,
	AccessKeyVars: []string{"SPACES_ACCESS_KEY_ID"}, SecretKeyVars: []string{"SPACES_SECRET_ACCESS_KEY"},
	Lock: LockUnknown, LockReason: cephLock,
	Calls: map[Capability]Support{
		CapVersioning: Supported, CapEncryption: Unsupported, CapPublicAccessBlock: Unsupported,
		CapLifecycle: Supported, CapLifecycleExpirations: Supported, CapLifecycleAbortUploads: Supported,
		CapRequireTLS: Unsupported, CapPolicy: Supported, CapTags: Unsupported,
	},
	Reasons: map[Capability]string{
		CapEncryption: "it knows keys of the customer only (SSE-C)", CapRequireTLS: proxiedTLS,
	},
	Sources: []Source{
		{URL: "https://docs.digitalocean.com/reference/api/spaces/", Date: "2026-11-22"},
		{URL: "https://docs.digitalocean.com/products/spaces/how-to/configure-bucket-policies/", Date: "2026-11-26"},
		{URL: "https://docs.digitalocean.com/reference/terraform/reference/resources/spaces_key/ (keys with grants)", Date: "2026-11-26"},
	},
}

var hetznerProfile = Profile{
	Name: "hetzner", DisplayName: "Hetzner Object Storage",
	Endpoint: "https://{region}.your-objectstorage.com", Regions: []string{"fsn1", "nbg1", "hel1"},
	Dialect: DialectAWS, TrailingChecksums: Unsupported,
	Lock: LockUnknown, LockReason: cephLock,
	Calls: map[Capability]Support{
		CapEncryption: Unsupported, CapLifecycle: Supported, CapLifecycleNoncurrent: Supported, CapLifecycleVersionsToKeep: Unsupported,
		CapLifecycleExpirations: Supported, CapRequireTLS: Unsupported, CapTags: Unsupported, CapObjectLock: Supported, CapLogging: Unsupported,
	},
	Reasons: map[Capability]string{
		CapEncryption: "it knows keys of the customer only (SSE-C)", CapRequireTLS: proxiedTLS,
	},
	Sources: []Source{
		{URL: "https://docs.hetzner.com/storage/object-storage/supported-actions/", Date: "2026-11-26"},
		{URL: "https://github.com/opentofu/opentofu/issues/2605 (checksums, conditional writes)", Date: "2026-11-22"},
	},
}

var linodeProfile = Profile{
	Name: "linode", DisplayName: "Akamai (Linode) Object Storage",
	// The region is the cluster with its number, such as us-east-1.
	Endpoint: "https://{region}.linodeobjects.com",
	Dialect:  DialectAWS, TrailingChecksums: Unsupported,
	AccessKeyVars: []string{"LINODE_OBJ_ACCESS_KEY"}, SecretKeyVars: []string{"LINODE_OBJ_SECRET_KEY"},
	Lock: LockUnknown, LockReason: cephLock,
	Calls:   map[Capability]Support{CapRequireTLS: Unsupported},
	Reasons: map[Capability]string{CapRequireTLS: proxiedTLS},
	Sources: []Source{
		{URL: "https://techdocs.akamai.com/cloud-computing/docs/object-storage-limited-availability (endpoint types)", Date: "2026-11-26"},
		{URL: "https://github.com/linode/terraform-provider-linode/issues/1834 (checksums)", Date: "2026-11-22"},
	},
}

var cephProfile = Profile{
	Name: "ceph", DisplayName: "Ceph Object Gateway", EndpointRequired: true, DefaultRegion: "us-east-1",
	PathStyle: true, Dialect: DialectAWS, SerialSettings: true, TrailingChecksums: Unsupported,
	Lock: LockUnknown, LockReason: cephLock,
	Calls: lifecycleAll(map[Capability]Support{
		CapVersioning: Supported, CapPublicAccessBlock: Supported, CapRequireTLS: Unsupported, CapPolicy: Supported,
	}, Supported),
	Reasons: map[Capability]string{CapRequireTLS: proxiedTLS},
	Sources: []Source{
		{URL: "https://docs.ceph.com/en/latest/radosgw/s3/", Date: "2026-11-22"},
		{URL: "https://github.com/ceph/ceph/pull/63348 (conditional writes)", Date: "2026-11-22"},
		{URL: "https://github.com/ceph/ceph/pull/54856 (checksums)", Date: "2026-11-22"},
	},
}
