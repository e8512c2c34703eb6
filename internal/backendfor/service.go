// Package backendfor says what a backend configuration needs on a service: the
// flags, the place and the lock that follow from the service's profile.
package backendfor

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// Flags are those that a backend block needs on a service. AWS needs none. Where
// nothing is known about checksums, as with the profile custom, they are left as
// the tools send them: the user can set SkipS3Checksum.
func Flags(p s3store.Profile) backendcfg.Flags {
	if p.IsAWS {
		return backendcfg.Flags{}
	}
	f := backendcfg.NonAWSFlags()
	f.UsePathStyle = p.PathStyle
	f.SkipS3Checksum = p.TrailingChecksums == s3store.Unsupported
	return f
}

// Verdict is what a service's profile says about lock files.
func Verdict(p s3store.Profile) backendcfg.Verdict {
	switch p.Lock {
	case s3store.LockSafe:
		return backendcfg.VerdictSafe
	case s3store.LockUnsafe:
		return backendcfg.VerdictUnsafe
	}
	return backendcfg.VerdictUnknown
}

// Place is where buckets are, as a backend block says it.
type Place struct {
	Profile s3store.Profile
	// Region is empty where the environment is to give it, which AWS alone allows.
	Region string
	// Endpoint is empty for AWS's own.
	Endpoint  string
	PathStyle bool
}

// PlaceOf is the place that a client talks to.
func PlaceOf(c *s3store.Client) Place {
	p := Place{Profile: c.Profile(), Region: c.Region(), Endpoint: c.Endpoint(), PathStyle: c.PathStyle()}
	if p.Profile.IsAWS && p.Endpoint == "https://s3."+p.Region+".amazonaws.com" {
		p.Endpoint = ""
	}
	return p
}

// PlaceFor finds the place from what is written down alone: no environment, no
// credentials. Empty values are filled from the service's profile, and an empty
// service is guessed from the endpoint. The error is an *s3store.ConfigError.
func PlaceFor(service, region, endpoint string) (Place, error) {
	if p, err := s3store.ProfileByName(service); err == nil && p.IsAWS && region == "" {
		return Place{Profile: p, Endpoint: endpoint, PathStyle: p.PathStyle}, s3store.CheckEndpoint(endpoint)
	}
	c, p, err := s3store.Config{Service: service, Region: region, Endpoint: endpoint}.Resolve(func(string) string { return "" })
	if err != nil {
		return Place{}, err
	}
	return Place{Profile: p, Region: c.Region, Endpoint: c.Endpoint, PathStyle: p.PathStyle}, nil
}
