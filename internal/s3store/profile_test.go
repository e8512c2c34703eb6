package s3store

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every profile has to be complete and to say nothing that contradicts itself.
func TestProfiles(t *testing.T) {
	t.Parallel()
	isoDate := regexp.MustCompile(`^20\d\d-\d\d-\d\d$`)
	for _, p := range profiles {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			expect := func(ok bool, what string) {
				t.Helper()
				if !ok {
					t.Error(what)
				}
			}
			expect(regexp.MustCompile(`^[a-z0-9]+$`).MatchString(p.Name), "the name is no plain word")
			expect(p.DisplayName != "" && p.LockReason != "", "it has no display name or no reason for its verdict")
			expect(p.EndpointRequired == (p.Endpoint == "" && !p.IsAWS), "the endpoint is neither known nor asked for")
			expect(slices.Contains([]LockVerdict{LockSafe, LockUnsafe, LockUnknown}, p.Lock), "the lock verdict is none")
			expect(slices.Contains([]PolicyDialect{DialectAWS, DialectScaleway, DialectKeys, DialectNone}, p.Dialect), "the dialect is none")
			expect(p.AWSChecksums == p.IsAWS, "only AWS is known to take the SDK's checksums")
			expect(p.DefaultRegion == "" || p.CheckRegion(p.DefaultRegion) == nil, "the default region is none of its own")
			expect(p.Name == "custom" || len(p.Sources) > 0, "it names no source")
			expect(len(p.AccessKeyVars) == len(p.SecretKeyVars), "keys come as a pair, and so do their variables")
			expect(p.EndpointLike == "" || p.EndpointRequired, "an example of an endpoint that nobody has to give")
			expect(!p.AlwaysVersioned || p.Supports(CapVersioning) == Supported, "versions that are always kept are supported")
			_, guided := p.Guide("b")
			expect(!p.AccessElsewhere || guided, "access is given elsewhere, and nothing says where")
			expect(p.Dialect != DialectNone || p.AccessElsewhere, "without policies, access has to be given elsewhere")
			for c := range p.Reasons {
				expect(p.Supports(c) == Unsupported, "a reason for what is not unsupported: "+string(c))
			}
			for _, s := range p.Sources {
				u, err := url.Parse(strings.Fields(s.URL)[0])
				expect(err == nil && u.Scheme == "https" && isoDate.MatchString(s.Date), "a source without an address or a date: "+s.URL)
			}
			testProfileEndpoint(t, p)
			testProfileCalls(t, p, expect)
			for _, other := range p.OtherEndpoints {
				expect(strings.HasPrefix(other.URL, "https://") && strings.Contains(other.URL, regionMark), "a further endpoint that is no template: "+other.URL)
				testProfileCalls(t, p.forEndpoint(strings.ReplaceAll(other.URL, regionMark, "some-region")), expect)
			}
		})
	}
}

func testProfileEndpoint(t *testing.T, p Profile) {
	if p.Endpoint == "" {
		return
	}
	regions := append(slices.Clone(p.Regions), "some-region")
	for region := range p.RegionEndpoints {
		regions = append(regions, region)
	}
	for _, region := range regions {
		at := p.EndpointFor(region)
		if err := CheckEndpoint(at); err != nil || strings.ContainsAny(at, "{}") || trimEndpoint(at) != at || !strings.HasPrefix(at, "https://") {
			t.Errorf("endpoint %q: %v", at, err)
		}
		if strings.Contains(p.Endpoint, "{region}") && (p.regionOf(at) != region || guessService(at) != p.Name) {
			t.Errorf("%q reads back as region %q of %s", at, p.regionOf(at), guessService(at))
		}
	}
}

func testProfileCalls(t *testing.T, p Profile, expect func(bool, string)) {
	for c, s := range p.Calls {
		expect(slices.Contains(Capabilities(), c), "unknown capability "+string(c))
		expect(slices.Contains([]Support{Supported, Unsupported, Unknown}, s), "unknown answer for "+string(c))
	}
	not := func(c Capability) bool { return p.Supports(c) == Unsupported }
	expect((p.Dialect == DialectNone) == not(CapPolicy), "dialect and policy disagree")
	expect(!not(CapPolicy) || not(CapRequireTLS), "TLS is required by a policy, which it lacks")
	expect(p.Dialect != DialectScaleway || not(CapRequireTLS), "a lone Deny cannot be said in this dialect")
	expect(p.Lock != LockSafe || p.Supports(CapConditionalPut) == Supported, "locks are safe without conditional writes")
	expect(!not(CapConditionalPut) || p.Lock == LockUnsafe, "locks need conditional writes")
	expect(!not(CapVersioning) || not(CapLifecycleNoncurrent), "what is noncurrent without versions?")
	expect(!not(CapLifecycleNoncurrent) || not(CapLifecycleVersionsToKeep), "versions to keep from what?")
	parts := 0
	for _, part := range lifecycleParts {
		if !not(part.capability) {
			parts++
		}
	}
	expect(not(CapLifecycle) == (parts == 0), "lifecycle and its parts disagree")
	if t.Failed() {
		t.Logf("%+v", p)
	}
}

// Every service of the design has a profile.
func TestAllServices(t *testing.T) {
	t.Parallel()
	want := "aws scaleway ovh r2 spaces b2 wasabi hetzner exoscale ionos linode minio ceph garage seaweedfs versity custom"
	if got := strings.Join(ServiceNames(), " "); got != want {
		t.Errorf("the services are %s", got)
	}
}

// An endpoint tells the service, whoever's it is.
func TestGuessService(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"": "aws", "https://s3.eu-west-3.amazonaws.com": "aws", "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com": "aws",
		"https://s3.cn-north-1.amazonaws.com.cn": "aws", "https://s3.fr-par.scw.cloud": "scaleway",
		"https://s3.gra.io.cloud.ovh.net": "ovh", "https://s3.gra.perf.cloud.ovh.net": "ovh",
		"https://abc.r2.cloudflarestorage.com": "r2", "https://abc.eu.r2.cloudflarestorage.com": "r2",
		"https://fra1.digitaloceanspaces.com": "spaces", "https://s3.eu-central-003.backblazeb2.com": "b2",
		"https://s3.wasabisys.com": "wasabi", "https://s3.eu-central-1.wasabisys.com": "wasabi",
		"https://fsn1.your-objectstorage.com": "hetzner", "https://sos-ch-gva-2.exo.io": "exoscale",
		"https://s3-eu-central-1.ionoscloud.com": "ionos", "https://s3.eu-central-3.ionoscloud.com": "ionos",
		"https://s3-de-central.profitbricks.com": "ionos", "https://us-east-1.linodeobjects.com": "linode",
		"https://FSN1.Your-ObjectStorage.com:443": "hetzner",
		"http://127.0.0.1:9000":                   "custom", "https://s3.example.com": "custom", "https://scw.cloud.example.com": "custom",
		"https://notamazonaws.com": "custom", "https://%zz": "custom",
	} {
		if got := guessService(endpoint); got != want {
			t.Errorf("%s is taken for %s, want %s", endpoint, got, want)
		}
	}
}

// The region that is not spelled as the others are.
func TestRegionEndpoints(t *testing.T) {
	t.Parallel()
	for _, tc := range [][3]string{
		{"wasabi", "us-east-1", "https://s3.wasabisys.com"}, {"wasabi", "eu-central-1", "https://s3.eu-central-1.wasabisys.com"},
		{"ionos", "de", "https://s3-eu-central-1.ionoscloud.com"}, {"ionos", "eu-south-2", "https://s3-eu-south-2.ionoscloud.com"},
		{"ionos", "eu-central-3", "https://s3.eu-central-3.ionoscloud.com"},
	} {
		p, err := ProfileByName(tc[0])
		must(t, err)
		if at := p.EndpointFor(tc[1]); at != tc[2] || p.regionOf(at) != tc[1] {
			t.Errorf("%s in %s is at %s, which reads back as %s", tc[0], tc[1], at, p.regionOf(at))
		}
	}
}

func TestProfileNames(t *testing.T) {
	t.Parallel()
	names := ServiceNames()
	if sorted := slices.Compact(slices.Sorted(slices.Values(names))); len(sorted) != len(names) || len(names) == 0 {
		t.Errorf("names stand twice: %v", names)
	}
	for _, name := range names {
		if p, err := ProfileByName(name); err != nil || p.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ProfileByName("s4"); err == nil || !strings.Contains(err.Error(), "scaleway") {
		t.Errorf("unexpected %v", err)
	}
}

// The codes are stable: they stand in states.
func TestCapabilityCodes(t *testing.T) {
	t.Parallel()
	want := "versioning encryption public_access_block require_tls lifecycle lifecycle.noncurrent_expiration_days " +
		"lifecycle.noncurrent_versions_to_keep lifecycle.abort_incomplete_uploads_days lifecycle.expire_delete_markers " +
		"lifecycle.expirations policy tags object_lock logging conditional_put conditional_put_after_delete conditional_put_concurrent"
	var got []string
	for _, c := range Capabilities() {
		got = append(got, string(c))
	}
	if strings.Join(got, " ") != want {
		t.Errorf("unexpected codes %v", got)
	}
	shuffled := []Capability{CapLogging, CapVersioning, CapLogging, CapTags}
	if got := SortCapabilities(shuffled); !slices.Equal(got, []Capability{CapVersioning, CapTags, CapLogging}) {
		t.Errorf("sorted into %v", got)
	}
}

// Adjusting one client's profile must not change what others know.
func TestProfileForEndpointIsACopy(t *testing.T) {
	t.Parallel()
	p, err := ProfileByName("aws")
	if err != nil {
		t.Fatal(err)
	}
	if plain := p.forEndpoint("http://127.0.0.1:9000"); plain.Supports(CapRequireTLS) != Unsupported || plain.Supports(CapTags) != Supported {
		t.Errorf("unexpected %v", plain.Calls)
	}
	if again, _ := ProfileByName("aws"); again.Supports(CapRequireTLS) != Supported {
		t.Error("the profile itself was changed")
	}
}

// OVH's older endpoint serves the same buckets, and has no lifecycle rules for them.
func TestOVHEndpoints(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in        Config
		lifecycle Support
	}{
		{Config{Region: "gra"}, Supported},
		{Config{Endpoint: "https://s3.gra.io.cloud.ovh.net"}, Supported},
		{Config{Endpoint: "https://s3.gra.io.cloud.ovh.us"}, Supported},
		{Config{Endpoint: "https://s3.gra.perf.cloud.ovh.net"}, Unsupported},
		{Config{Endpoint: "https://s3.gra.perf.cloud.ovh.us"}, Unsupported},
		{Config{Endpoint: "https://S3.GRA.Perf.cloud.ovh.net:443", Region: "gra"}, Unsupported},
		{Config{Endpoint: "https://s3.gra.perf.cloud.ovh.net.example.com", Region: "gra"}, Supported},
	} {
		tc.in.Service = "ovh"
		got, p, err := tc.in.Resolve(env())
		if err != nil || got.Region != "gra" {
			t.Errorf("%s: region %q, %v", tc.in.Endpoint, got.Region, err)
			continue
		}
		for _, c := range Capabilities() {
			want, reason := ovhProfile.Supports(c), ovhProfile.Reason(c)
			if c == CapLifecycle || strings.HasPrefix(string(c), "lifecycle.") {
				want = tc.lifecycle
				if want == Unsupported {
					reason = ovhLegacy[CapLifecycle]
				}
			}
			if p.Supports(c) != want || p.Reason(c) != reason {
				t.Errorf("%s: %s is %s: %q", tc.in.Endpoint, c, p.Supports(c), p.Reason(c))
			}
		}
	}
}
