package backendfor

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

func TestFlags(t *testing.T) {
	other := backendcfg.NonAWSFlags()
	pathStyle, noChecksum := other, other
	pathStyle.UsePathStyle = true
	noChecksum.SkipS3Checksum = true
	for _, tt := range []struct {
		profile s3store.Profile
		want    backendcfg.Flags
	}{
		{s3store.Profile{Name: "aws", IsAWS: true, PathStyle: true}, backendcfg.Flags{}},
		{s3store.Profile{Name: "scaleway"}, other},
		{s3store.Profile{Name: "minio", PathStyle: true}, pathStyle},
		{s3store.Profile{Name: "hetzner", TrailingChecksums: s3store.Unsupported}, noChecksum},
		{s3store.Profile{Name: "ovh", TrailingChecksums: s3store.Unknown}, other},
	} {
		if diff := cmp.Diff(tt.want, Flags(tt.profile)); diff != "" {
			t.Errorf("%s: %s", tt.profile.Name, diff)
		}
	}
}

// TestEveryService: each profile gives a block that says where the service is, or
// an error that names what is missing.
func TestEveryService(t *testing.T) {
	verdicts := map[s3store.LockVerdict]backendcfg.Verdict{
		s3store.LockSafe: backendcfg.VerdictSafe, s3store.LockUnsafe: backendcfg.VerdictUnsafe, s3store.LockUnknown: backendcfg.VerdictUnknown,
	}
	for _, name := range s3store.ServiceNames() {
		t.Run(name, func(t *testing.T) {
			p, err := s3store.ProfileByName(name)
			if err != nil {
				t.Fatal(err)
			}
			if got := Verdict(p); got != verdicts[p.Lock] {
				t.Errorf("verdict %s for %s", got, p.Lock)
			}
			if flags := Flags(p); p.IsAWS != (flags == backendcfg.Flags{}) || flags.UsePathStyle != (p.PathStyle && !p.IsAWS) {
				t.Errorf("flags are %+v", flags)
			}
			place, err := PlaceFor(name, "", "")
			var conf *s3store.ConfigError
			switch {
			case p.EndpointRequired && (!errors.As(err, &conf) || conf.Field != "endpoint"):
				t.Errorf("without an endpoint: %v", err)
			case !p.EndpointRequired && !p.IsAWS && p.DefaultRegion == "":
				if !errors.As(err, &conf) || conf.Field != "region" {
					t.Errorf("without a region: %v", err)
				}
				if place, err = PlaceFor(name, regionFor(p), ""); err != nil || place.Endpoint == "" {
					t.Errorf("%v: %+v", err, place)
				}
			case !p.EndpointRequired && (err != nil || (place.Endpoint == "") != p.IsAWS):
				t.Errorf("%v: %+v", err, place)
			}
		})
	}
}

// regionFor is some region of a service.
func regionFor(p s3store.Profile) string {
	if len(p.Regions) > 0 {
		return p.Regions[0]
	}
	return "some-region"
}

func TestPlaceFor(t *testing.T) {
	for name, tt := range map[string]struct {
		service, region, endpoint string
		want                      [4]string // profile, region, endpoint, field of the error
	}{
		"nothing but AWS":             {"aws", "", "", [4]string{"aws", "", "", ""}},
		"AWS in a region":             {"aws", "eu-west-1", "", [4]string{"aws", "eu-west-1", "", ""}},
		"AWS by its interface":        {"aws", "", "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com", [4]string{"aws", "", "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com", ""}},
		"AWS, broken endpoint":        {"aws", "", "s3.example.com", [4]string{"", "", "", "endpoint"}},
		"Scaleway":                    {"scaleway", "", "", [4]string{"scaleway", "fr-par", "https://s3.fr-par.scw.cloud", ""}},
		"Scaleway by region":          {"scaleway", "pl-waw", "", [4]string{"scaleway", "pl-waw", "https://s3.pl-waw.scw.cloud", ""}},
		"Scaleway, no region":         {"scaleway", "eu-west-1", "", [4]string{"", "", "", "region"}},
		"guessed":                     {"", "", "https://s3.nl-ams.scw.cloud", [4]string{"scaleway", "nl-ams", "https://s3.nl-ams.scw.cloud", ""}},
		"guessed, without a template": {"", "", "https://abc.r2.cloudflarestorage.com", [4]string{"r2", "auto", "https://abc.r2.cloudflarestorage.com", ""}},
		"guessed, odd one out":        {"", "", "https://s3-eu-central-1.ionoscloud.com", [4]string{"ionos", "de", "https://s3-eu-central-1.ionoscloud.com", ""}},
		"R2, no endpoint":             {"r2", "", "", [4]string{"", "", "", "endpoint"}},
		"guessed, unknown":            {"", "x", "https://s3.example.com", [4]string{"custom", "x", "https://s3.example.com", ""}},
		"MinIO":                       {"minio", "", "http://127.0.0.1:9000", [4]string{"minio", "us-east-1", "http://127.0.0.1:9000", ""}},
		"no such service":             {"acme", "", "", [4]string{"", "", "", "service"}},
		"a password in the URL":       {"minio", "", "http://a:b@127.0.0.1", [4]string{"", "", "", "endpoint"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ENDPOINT_URL_S3", "https://elsewhere.example.com")
			t.Setenv("GROUNDWORK_REGION", "elsewhere")
			p, err := PlaceFor(tt.service, tt.region, tt.endpoint)
			got := [4]string{p.Profile.Name, p.Region, p.Endpoint, ""}
			if err != nil {
				var conf *s3store.ConfigError
				if !errors.As(err, &conf) {
					t.Fatal(err)
				}
				got = [4]string{"", "", "", conf.Field}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPlaceOf(t *testing.T) {
	for name, tt := range map[string]struct {
		config   s3store.Config
		endpoint string
	}{
		"AWS's own":     {s3store.Config{Service: "aws", Region: "eu-west-1"}, ""},
		"AWS elsewhere": {s3store.Config{Service: "aws", Region: "eu-west-1", Endpoint: "http://localhost:4566"}, "http://localhost:4566"},
		"Scaleway":      {s3store.Config{Service: "scaleway", Region: "nl-ams"}, "https://s3.nl-ams.scw.cloud"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := s3store.New(t.Context(), tt.config)
			if err != nil {
				t.Fatal(err)
			}
			if p := PlaceOf(c); p.Endpoint != tt.endpoint || p.Region != tt.config.Region || p.Profile.Name != tt.config.Service {
				t.Errorf("got %+v", p)
			}
		})
	}
}
