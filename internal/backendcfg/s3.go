package backendcfg

import "time"

// S3 is where a state is, in an S3-compatible service. It has no room for
// credentials.
type S3 struct {
	Bucket string
	// Key is the state object's name for the default workspace.
	Key string
	// Region may be empty on AWS, where the environment can give it.
	Region string
	// Endpoint is the service's URL; empty is AWS.
	Endpoint string
	// DynamoDBEndpoint and STSEndpoint are for emulations of AWS.
	DynamoDBEndpoint string
	STSEndpoint      string

	Flags Flags

	WorkspaceKeyPrefix string
	// Encrypt is left out when nil.
	Encrypt  *bool
	KMSKeyID string
	// Profile is a profile's name in the AWS configuration files.
	Profile string
	// CABundle is the path of a PEM file, as the tool will see it.
	CABundle string
	// MaxRetries is left out when nil.
	MaxRetries *int
	AssumeRole *AssumeRole
}

// Flags switch off what a service other than AWS does not have. Those that are
// false are left out.
type Flags struct {
	SkipCredentialsValidation bool
	SkipRegionValidation      bool
	SkipRequestingAccountID   bool
	SkipMetadataAPICheck      bool
	SkipS3Checksum            bool
	UsePathStyle              bool
}

// NonAWSFlags are what every service other than AWS needs: no STS, no IAM, no
// instance metadata, regions that AWS does not know. Path style and checksums
// differ from one service to the next and are left to the caller.
func NonAWSFlags() Flags {
	return Flags{
		SkipCredentialsValidation: true,
		SkipRegionValidation:      true,
		SkipRequestingAccountID:   true,
		SkipMetadataAPICheck:      true,
	}
}

// AssumeRole is an IAM role to assume on top of the credentials in the environment.
type AssumeRole struct {
	RoleARN     string
	SessionName string
	ExternalID  string
	// Duration is left out when zero; AWS takes 15 minutes to 12 hours.
	Duration          time.Duration
	Policy            string
	PolicyARNs        []string
	Tags              map[string]string
	TransitiveTagKeys []string
}

// Config is all that one generated file or block says.
type Config struct {
	S3 S3
	// PG is set for a state in PostgreSQL; S3 and Lock then stay empty.
	PG *PG
	// HTTP is set for a state behind a REST address; S3 and Lock then stay empty.
	HTTP *HTTP
	// Pulumi is set for states of Pulumi's; all but LockDatabase then stays empty.
	Pulumi *Pulumi
	// LockDatabase is for a .env file only.
	LockDatabase *LockDatabase

	Lock Resolved
	// Target is what will read it; the zero Target is the newest Terraform.
	Target Target
	// RemoteStates become terraform_remote_state data sources, sorted by name.
	RemoteStates []RemoteState
}

// RemoteState is another state that this configuration reads, such as that of
// an earlier phase.
type RemoteState struct {
	// Name is the data source's name, and usually the phase's.
	Name string
	// Key and Bucket replace those of the base; the rest is inherited.
	Key    string
	Bucket string
	// S3 is the base if that state is elsewhere altogether; nil is Config.S3.
	S3 *S3
	// PG is the same beside Config.PG, and HTTP beside Config.HTTP; Key and Bucket
	// mean nothing there.
	PG   *PG
	HTTP *HTTP
	// Workspace is left out when empty.
	Workspace string
	// Defaults are outputs to assume while the state has none. Values are what
	// JSON has: nil, bool, numbers, strings, []any and map[string]any.
	Defaults map[string]any
}

// settings is the place that r reads from.
func (r RemoteState) settings(base S3) S3 {
	s := base
	if r.S3 != nil {
		s = *r.S3
	}
	if r.Key != "" {
		s.Key = r.Key
	}
	if r.Bucket != "" {
		s.Bucket = r.Bucket
	}
	return s
}
