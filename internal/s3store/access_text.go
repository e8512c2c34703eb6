package s3store

import (
	"fmt"
	"slices"
	"strings"
)

// Guide says how people are let into a bucket on one service, where the bucket's policy is not the
// place, or not the only one. {bucket} stands for the bucket's name.
type Guide struct {
	// Where the service keeps it: keys, tokens, roles, users.
	Where string
	// ReadOnly, ReadWrite and Admin are what to click or to call for each level.
	ReadOnly, ReadWrite, Admin string
	// Narrower says whether a level can be narrowed to a prefix.
	Narrower string
	// Source of it.
	Source Source
}

// guides are by the name of the profile. They follow the services' own pages and were not tried on
// live accounts; MinIO's was tried on a server.
var guides = map[string]Guide{
	"ovh": {
		Where:     "users of the Public Cloud project, each with a policy of its own",
		ReadOnly:  "create a user with the role objectstore_operator and an S3 credential, and give it a policy that allows s3:ListBucket, s3:GetBucketLocation, s3:GetObject on arn:aws:s3:::{bucket} and arn:aws:s3:::{bucket}/* (Control Panel: Object Storage, Users, Import JSON; Terraform: ovh_cloud_project_user_s3_policy)",
		ReadWrite: "the same, and s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts, s3:ListBucketMultipartUploads",
		Admin:     "the same with s3:*; whoever created the bucket has all rights on it",
		Narrower:  "name arn:aws:s3:::{bucket}/PREFIX* in the policy instead of all objects",
		Source:    Source{URL: "https://www.pulumi.com/registry/packages/ovh/api-docs/cloudproject/s3policy/", Date: "2026-11-26"},
	},
	"r2": {
		Where:     "API tokens, whose access key and secret key are used like any others",
		ReadOnly:  "Cloudflare dashboard: R2, Manage API tokens, Create, permission Object Read only, Apply to specific buckets: {bucket}",
		ReadWrite: "the same with the permission Object Read & Write",
		Admin:     "the same with the permission Admin Read & Write, which covers all buckets of the account",
		Narrower:  "not possible with a token: use a bucket for each group of states",
		Source:    Source{URL: "https://developers.cloudflare.com/r2/api/tokens/", Date: "2026-11-26"},
	},
	"spaces": {
		Where:     "Spaces access keys, each with grants for buckets",
		ReadOnly:  "control panel: Spaces, Access Keys, Create, Limited Access, {bucket}: Read; or Terraform: digitalocean_spaces_key with grant { bucket = \"{bucket}\", permission = \"read\" }",
		ReadWrite: "the same with Read/Write/Delete, or permission = \"readwrite\"",
		Admin:     "a key with Full Access (permission = \"fullaccess\", bucket = \"\"), which covers all buckets",
		Narrower:  "not possible with a key: use a bucket for each group of states",
		Source:    Source{URL: "https://docs.digitalocean.com/reference/terraform/reference/resources/spaces_key/", Date: "2026-11-26"},
	},
	"b2": {
		Where:     "application keys (the master application key does not work with the S3 interface)",
		ReadOnly:  "b2 key create --bucket {bucket} NAME listBuckets,listFiles,readFiles; or web console: Application Keys, Add, bucket {bucket}, Read Only",
		ReadWrite: "b2 key create --bucket {bucket} NAME listBuckets,listFiles,readFiles,writeFiles,deleteFiles; or Read and Write",
		Admin:     "the same with readBuckets, writeBuckets, deleteBuckets, readBucketEncryption, writeBucketEncryption, readBucketRetentions, writeBucketRetentions",
		Narrower:  "add --name-prefix PREFIX",
		Source:    Source{URL: "https://www.backblaze.com/docs/cloud-storage-call-the-s3-compatible-api", Date: "2026-11-26"},
	},
	"exoscale": {
		Where:     "IAM roles, to which API keys belong",
		ReadOnly:  "create an IAM role whose service sos allows the operations list-objects, get-object and head-object where the bucket is {bucket}, and an API key for it (Portal: IAM, Roles; or exo iam role create)",
		ReadWrite: "the same, and put-object, delete-object, and the operations of multipart uploads",
		Admin:     "a role that allows the whole service sos",
		Narrower:  "compare the object's key with PREFIX in the role's expression",
		Source:    Source{URL: "https://www.pulumi.com/registry/packages/exoscale/api-docs/sosbucketpolicy", Date: "2026-11-26"},
	},
	"linode": {
		Where:     "Object Storage access keys; bucket policies exist as well, as on Ceph",
		ReadOnly:  "Cloud Manager: Object Storage, Access Keys, Create, Limited Access, {bucket}: Read Only; or Terraform: linode_object_storage_key with bucket_access { bucket_name = \"{bucket}\", permissions = \"read_only\" }",
		ReadWrite: "the same with Read/Write, or permissions = \"read_write\"",
		Admin:     "a key without Limited Access, which covers all buckets",
		Narrower:  "not possible with a key",
		Source:    Source{URL: "https://www.pulumi.com/registry/packages/linode/api-docs/objectstoragekey/", Date: "2026-11-26"},
	},
	"minio": {
		Where:     "users and their policies: bucket policies concern anonymous requests only",
		ReadOnly:  "mc admin policy create ALIAS NAME FILE with s3:ListBucket, s3:ListBucketVersions, s3:GetBucketVersioning, s3:GetBucketLocation on arn:aws:s3:::{bucket} and s3:GetObject, s3:GetObjectVersion on arn:aws:s3:::{bucket}/*, then mc admin policy attach ALIAS NAME --user USER",
		ReadWrite: "the same, and s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts on the objects, and a statement that denies s3:DeleteObjectVersion, since who may delete an object may delete its versions for good there otherwise",
		Admin:     "s3:* on both, and nothing that denies",
		Narrower:  "name arn:aws:s3:::{bucket}/PREFIX*, and let the condition s3:prefix (StringLike PREFIX*) narrow s3:ListBucket and s3:ListBucketVersions",
		Source:    Source{URL: "https://github.com/minio/minio (7aac2a2c)", Date: "2026-11-22"},
	},
	"garage": {
		Where:     "keys, each with grants for buckets",
		ReadOnly:  "garage bucket allow --read {bucket} --key KEY",
		ReadWrite: "garage bucket allow --read --write {bucket} --key KEY",
		Admin:     "garage bucket allow --read --write --owner {bucket} --key KEY",
		Narrower:  "not possible: use a bucket for each group of states",
		Source:    Source{URL: "https://garagehq.deuxfleurs.fr/getting_started/bucket.html", Date: "2026-11-26"},
	},
}

// Guide returns how people are let into a bucket on the service, and false where the bucket's policy
// is all there is to it.
func (p Profile) Guide(bucket string) (Guide, bool) {
	g, ok := guides[p.Name]
	for _, text := range []*string{&g.ReadOnly, &g.ReadWrite, &g.Admin, &g.Narrower} {
		*text = strings.ReplaceAll(*text, "{bucket}", bucket)
	}
	return g, ok
}

// Level returns what to do for one of the AccessLevels.
func (g Guide) Level(level string) string {
	return map[string]string{AccessReadOnly: g.ReadOnly, AccessReadWrite: g.ReadWrite, AccessAdmin: g.Admin}[level]
}

// AccessWithoutEffect says why a list of entries gives nobody a right on the service, and where rights
// are given there; empty where the list has an effect.
func (p Profile) AccessWithoutEffect(bucket string, entries []Access) string {
	if !p.AnonymousPolicies || len(entries) == 0 {
		return ""
	}
	return p.DisplayName + " asks bucket policies about anonymous requests only, so that the list is written and gives nobody who signs a right. " +
		p.accessAdvice(bucket, entries)
}

// RefuseAccess returns an error with instructions where entries cannot be written as a policy,
// because the service says elsewhere who may use a bucket. No entries are no error.
func (p Profile) RefuseAccess(bucket string, entries []Access) error {
	if !p.AccessElsewhere || len(entries) == 0 {
		return nil
	}
	return &UnsupportedError{
		Capability: CapPolicy, Service: p.DisplayName,
		Because: "the access list cannot be written as a bucket policy there",
		Advice:  p.accessAdvice(bucket, entries),
	}
}

// accessAdvice says what to do for the levels that the entries have.
func (p Profile) accessAdvice(bucket string, entries []Access) string {
	g, ok := p.Guide(bucket)
	if !ok {
		return ""
	}
	has := func(match func(Access) bool) bool { return slices.ContainsFunc(entries, match) }
	var b strings.Builder
	fmt.Fprintf(&b, "On %s access is given by %s. Leave access out of the configuration, and for bucket %q:", p.DisplayName, g.Where, bucket)
	all := !has(func(a Access) bool { return a.Level != "" })
	for _, level := range AccessLevels() {
		if all || has(func(a Access) bool { return a.Level == level }) {
			fmt.Fprintf(&b, "\n  %s: %s", level, g.Level(level))
		}
	}
	if has(func(a Access) bool { return a.Prefix != "" }) {
		fmt.Fprintf(&b, "\n  for keys under a prefix only: %s", g.Narrower)
	}
	return b.String()
}
