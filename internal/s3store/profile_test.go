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
			expect(slices.Contains([]PolicyDialect{DialectAWS, DialectScaleway, DialectNone}, p.Dialect), "the dialect is none")
			expect(p.AWSChecksums == p.IsAWS, "only AWS is known to take the SDK's checksums")
			expect(p.DefaultRegion == "" || p.CheckRegion(p.DefaultRegion) == nil, "the default region is none of its own")
			expect(p.Name == "custom" || len(p.Sources) > 0, "it names no source")
			for _, s := range p.Sources {
				u, err := url.Parse(strings.Fields(s.URL)[0])
				expect(err == nil && u.Scheme == "https" && isoDate.MatchString(s.Date), "a source without an address or a date: "+s.URL)
			}
			testProfileEndpoint(t, p)
			testProfileCalls(t, p, expect)
		})
	}
}

func testProfileEndpoint(t *testing.T, p Profile) {
	if p.Endpoint == "" {
		return
	}
	for _, region := range append(slices.Clone(p.Regions), "some-region") {
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
