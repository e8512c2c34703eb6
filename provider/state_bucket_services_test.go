package provider

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/imitate"
)

// somewhere is a service that a test's provider is configured for.
type somewhere struct{ service, region, endpoint, accessKey, secretKey, caFile string }

func imitated(s *imitate.Server) somewhere {
	return somewhere{string(s.Name), s.Region, s.Endpoint, s.AccessKey, s.SecretKey, s.CAFile}
}

func (s somewhere) as(service string) somewhere {
	s.service = service
	return s
}

func (s somewhere) provider(t *testing.T) *protoProvider {
	t.Helper()
	config := attrs{"service": s.service, "region": s.region, "endpoint": s.endpoint, "access_key": s.accessKey, "secret_key": s.secretKey}
	if s.caFile != "" {
		config["ca_bundle"] = s.caFile
	}
	return newProtoProvider(t.Context(), t, config, nil)
}

// told plans and creates a bucket, and returns its state with all that was said.
func (p *protoProvider) told(t *testing.T, set attrs) (state tftypes.Value, warnings, failed string) {
	t.Helper()
	typ, none := p.typeOf(t, bucketResource), p.null(t, bucketResource)
	plan, failed := p.plan(t.Context(), t, bucketResource, none, set)
	if failed != "" {
		return none, "", failed
	}
	resp, err := p.srv.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: bucketResource, PriorState: p.dynamic(t, typ, none), PlannedState: plan.PlannedState,
		Config: p.dynamic(t, typ, p.object(t, typ, set)), PlannedPrivate: plan.PlannedPrivate,
	})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, d := range resp.Diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityWarning {
			b.WriteString(d.Summary + ": " + d.Detail + "\n")
		}
	}
	return p.decode(t, typ, resp.NewState), b.String(), errorsIn(resp.Diagnostics)
}

// codes reads a set of strings out of a state.
func codes(t *testing.T, state tftypes.Value, name string) []string {
	t.Helper()
	var m map[string]tftypes.Value
	if err := state.As(&m); err != nil {
		t.Fatal(err)
	}
	var values []tftypes.Value
	if err := m[name].As(&values); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, v := range values {
		var s string
		if err := v.As(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

const noVersionsThere = "lifecycle.expire_delete_markers lifecycle.noncurrent_expiration_days lifecycle.noncurrent_versions_to_keep "

// everyService is what a bucket becomes on each service that can be run or imitated.
var everyService = map[string]struct {
	// lacks are the codes of unsupported, sorted; because is a part of the warning about them.
	lacks, because string
	lock           string
	// warns is a part of the warning about locks, empty for none.
	warns string
}{
	"scaleway": {"public_access_block require_tls", "require_tls: a policy there denies everyone that it does not name", lockLockfile, ""},
	"r2":       {"encryption " + noVersionsThere + "public_access_block require_tls versioning", "versioning: it keeps no superseded versions", lockLockfile, ""},
	"b2":       {"public_access_block require_tls", "require_tls: it answers over https only", lockNone, "501 NotImplemented"},
	"ceph":     {"require_tls", "require_tls: behind a proxy that ends TLS", lockLockfile, ""},
	"garage":   {"encryption " + noVersionsThere + "public_access_block require_tls versioning", "encryption: it knows keys of the customer only", lockNone, "it ignores If-None-Match"},
	"versity": {
		"encryption lifecycle.abort_incomplete_uploads_days lifecycle.expirations " + noVersionsThere + "public_access_block require_tls",
		"Versity S3 Gateway does not do the following", lockNone, "checks If-None-Match and then renames",
	},
}

// located starts or imitates a service.
func located(t *testing.T, service string) somewhere {
	t.Helper()
	if service == "versity" {
		s := testenv.Versity(t)
		return somewhere{service, s.Region, s.Endpoint, s.AccessKey, s.SecretKey, ""}
	}
	return imitated(imitate.Start(t, imitate.Name(service), imitate.WithTLS()))
}

// On each service what it lacks stands in unsupported and is warned about, a second run finds nothing
// to do, and a destroy takes the bucket away.
func TestServicesDegrade(t *testing.T) {
	t.Parallel()
	for service, want := range everyService {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			p := located(t, service).provider(t)
			set := attrs{"name": testenv.BucketName(t), "deletion_protection": false}
			state, warnings, failed := p.told(t, set)
			if failed != "" {
				t.Fatal(failed)
			}
			if got := strings.Join(codes(t, state, "unsupported"), " "); got != want.lacks {
				t.Errorf("unsupported is %s, want %s", got, want.lacks)
			}
			for _, code := range codes(t, state, "unsupported") {
				if !strings.Contains(warnings, code) {
					t.Errorf("no warning names %s:\n%s", code, warnings)
				}
			}
			if !strings.Contains(warnings, want.because) {
				t.Errorf("no warning says %q:\n%s", want.because, warnings)
			}
			if got := field(t, state, "lock_strategy"); got != want.lock {
				t.Errorf("lock_strategy is %s", got)
			}
			if said := strings.Contains(warnings, "States Cannot Be Locked in the Bucket"); said != (want.warns != "") || !strings.Contains(warnings, want.warns) {
				t.Errorf("of locks it says:\n%s", warnings)
			}
			p.settled(t.Context(), t, bucketResource, state, set)
			if state, failed = p.apply(t.Context(), t, bucketResource, state, nil); failed != "" || !state.IsNull() {
				t.Errorf("the destroy: %s", failed)
			}
		})
	}
}

// demand is a setting that somebody wrote down.
type demand struct {
	set  attrs
	call string
	// lacking are the services that have no such thing.
	lacking string
}

var demands = map[string]demand{
	"versioning":          {attrs{"versioning": true}, "PutBucketVersioning", "r2 garage"},
	"encryption":          {attrs{"encryption": attrs{"algorithm": "AES256"}}, "PutBucketEncryption", "r2 garage versity"},
	"block_public_access": {attrs{"block_public_access": true}, "PutPublicAccessBlock", "scaleway r2 b2 garage versity"},
	"lifecycle":           {attrs{"lifecycle_rules": attrs{"noncurrent_expiration_days": 30}}, "PutBucketLifecycleConfiguration", "r2 garage versity"},
	"tags":                {attrs{"tags": attrs{"team": "core"}}, "PutBucketTagging", "r2 b2 garage"},
	"logging":             {attrs{"logging": attrs{"target_bucket": "logs"}}, "PutBucketLogging", "scaleway r2 b2 ceph garage versity"},
}

// A setting that somebody wrote down and the service lacks is an error that names the service and the
// call, and leaves no state. Others go through.
func TestServicesRefuseDemands(t *testing.T) {
	t.Parallel()
	for service := range everyService {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			p := located(t, service).provider(t)
			profile, err := s3store.ProfileByName(service)
			if err != nil {
				t.Fatal(err)
			}
			for name, d := range demands {
				set := attrs{"name": testenv.BucketName(t), "deletion_protection": false}
				for k, v := range d.set {
					set[k] = v
				}
				state, _, failed := p.told(t, set)
				if !slices.Contains(strings.Fields(d.lacking), service) {
					if failed != "" {
						t.Errorf("%s: %s", name, failed)
					}
					continue
				}
				if !strings.Contains(failed, profile.DisplayName) || !strings.Contains(failed, d.call) || !strings.Contains(failed, "choose a service that has it") {
					t.Errorf("%s: %q", name, failed)
				}
				if !state.IsNull() {
					t.Errorf("%s: it left a state", name)
				}
			}
		})
	}
}

// Where access is given elsewhere, a list of principals is refused when it is planned, with what to
// do there; where policies say it, it is not.
func TestServicesAccess(t *testing.T) {
	t.Parallel()
	const ci = "11111111-2222-3333-4444-555555555555"
	for service, want := range map[string][]string{
		"r2":     {"Access Is Given Elsewhere", "read-only: Cloudflare dashboard", "Apply to specific buckets: "},
		"garage": {"Access Is Given Elsewhere", "garage bucket allow --read "},
		"b2":     {"Access Is Given Elsewhere", "b2 key create --bucket "},
		"ceph":   nil, "versity": nil, "scaleway": nil,
	} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			p := located(t, service).provider(t)
			principal := "arn:aws:iam:::user/ci"
			set := attrs{"name": testenv.BucketName(t)}
			if service == "versity" {
				principal = "ci" // an access key
			}
			if service == "scaleway" {
				principal, set["caller_principal"] = "application_id:"+ci, "user_id:"+ci
			}
			set["access"] = []any{attrs{"level": "read-only", "principals": []any{principal}}}
			_, failed := p.plan(t.Context(), t, bucketResource, p.null(t, bucketResource), set)
			if want == nil && failed != "" {
				t.Errorf("unexpected %s", failed)
			}
			for _, part := range want {
				if !strings.Contains(failed, part) {
					t.Errorf("%q is not in: %s", part, failed)
				}
			}
		})
	}
}

// A server that ignores the header is found out, whatever it is taken for.
func TestServicesLockFoundOut(t *testing.T) {
	t.Parallel()
	ignoring := imitated(imitate.Start(t, imitate.Garage))
	set := func(t *testing.T) attrs { return attrs{"name": testenv.BucketName(t), "deletion_protection": false} }

	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		p := ignoring.as("custom").provider(t)
		state, warnings, failed := p.told(t, set(t))
		if failed != "" || field(t, state, "lock_strategy") != lockNone || !strings.Contains(warnings, "ignores If-None-Match: a second PutObject overwrote the first") {
			t.Fatalf("%s\n%s\n%s", failed, warnings, field(t, state, "lock_strategy"))
		}
		p.settled(t.Context(), t, bucketResource, state, attrs{"name": field(t, state, "name"), "deletion_protection": false})
		// The strategy carries over to the backend, which gets no lock file.
		backend := attrs{"lock": field(t, state, "lock_strategy"), "s3": attrs{"bucket": field(t, state, "name"), "key": "k"}}
		get, failed := p.readData(t, "groundwork_backend_config", backend)
		if failed != "" || strings.Contains(get("content"), "use_lockfile") {
			t.Errorf("%s\n%s", failed, get("content"))
		}
	})
	t.Run("promised", func(t *testing.T) {
		t.Parallel()
		_, _, failed := ignoring.as("minio").provider(t).told(t, attrs{"name": testenv.BucketName(t), "versioning": false})
		if !strings.Contains(failed, "Lock Strategy Disproved") {
			t.Errorf("unexpected %q", failed)
		}
	})
	t.Run("known", func(t *testing.T) {
		t.Parallel()
		p := ignoring.provider(t)
		for _, lock := range []string{"auto", "lockfile"} {
			backend := attrs{"lock": lock, "s3": attrs{"bucket": "states", "key": "k"}}
			get, failed := p.readData(t, "groundwork_backend_config", backend)
			switch {
			case lock == "lockfile" && !strings.Contains(failed, "does not honour the conditional write"):
				t.Errorf("unexpected %q", failed)
			case lock == "auto" && (failed != "" || strings.Contains(get("content"), "use_lockfile")):
				t.Errorf("%s\n%s", failed, get("content"))
			}
		}
	})
}

// UNSAFE in the profile outranks a probe that passed: a race that did not show is still a race.
func TestServicesUnsafeOutranksProbe(t *testing.T) {
	t.Parallel()
	server := testenv.MinIO(t)
	p := somewhere{"versity", server.Region, server.Endpoint, server.AccessKey, server.SecretKey, ""}.provider(t)
	state, warnings, failed := p.told(t, attrs{"name": testenv.BucketName(t), "deletion_protection": false})
	if failed != "" {
		t.Fatal(failed)
	}
	var m map[string]tftypes.Value
	var found map[string]tftypes.Value
	var raced string
	if err := state.As(&m); err != nil {
		t.Fatal(err)
	}
	if err := m["capabilities"].As(&found); err != nil {
		t.Fatal(err)
	}
	if err := found[string(s3store.CapConditionalPutConcurrent)].As(&raced); err != nil {
		t.Fatal(err)
	}
	if raced != "supported" {
		t.Errorf("the probe did not pass: %s", raced)
	}
	if got := field(t, state, "lock_strategy"); got != lockNone || !strings.Contains(warnings, "two writers at once can both win") {
		t.Errorf("lock_strategy is %s\n%s", got, warnings)
	}
}

// MinIO writes an access list into a policy that nobody who signs is asked about: the plan says so, and
// what to do. Where the list has an effect, or is empty, it is silent.
func TestServicesAccessWithoutEffect(t *testing.T) {
	t.Parallel()
	s := testenv.MinIO(t)
	minio := somewhere{"minio", s.Region, s.Endpoint, s.AccessKey, s.SecretKey, ""}
	entry := attrs{"level": "read-only", "principals": []any{"arn:aws:iam::123456789012:role/audit"}}
	for name, tc := range map[string]struct {
		on     somewhere
		access []any
		warns  bool
	}{
		"minio": {minio, []any{entry}, true}, "minio, nobody": {minio, []any{}, false}, "custom": {minio.as("custom"), []any{entry}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := tc.on.provider(t)
			plan, failed := p.plan(t.Context(), t, bucketResource, p.null(t, bucketResource), attrs{"name": testenv.BucketName(t), "access": tc.access})
			if failed != "" {
				t.Fatal(failed)
			}
			said := ""
			for _, d := range plan.Diagnostics {
				said += d.Summary + ": " + d.Detail + "\n"
			}
			if warned := strings.Contains(said, "Access Has No Effect on This Service"); warned != tc.warns ||
				warned && (!strings.Contains(said, "anonymous requests only") || !strings.Contains(said, "mc admin policy attach")) {
				t.Errorf("the plan says:\n%s", said)
			}
		})
	}
}

// What holds at one endpoint of a service only is said of that one, once for all that it touches.
func TestServicesEndpointWithoutLifecycle(t *testing.T) {
	t.Parallel()
	const endpoint, reason = "https://s3.gra.perf.cloud.ovh.net", "which serves the same buckets"
	p := somewhere{"ovh", "", endpoint, "key", "secret", ""}.provider(t)
	_, failed := p.plan(t.Context(), t, bucketResource, p.null(t, bucketResource), attrs{"name": "states", "lifecycle_rules": attrs{"noncurrent_expiration_days": 30}})
	for _, part := range []string{endpoint, "PutBucketLifecycleConfiguration", "https://s3.<region>.io.cloud.ovh.net, " + reason} {
		if !strings.Contains(failed, part) {
			t.Errorf("%q is not in: %s", part, failed)
		}
	}

	c, err := s3store.New(t.Context(), s3store.Config{Service: "ovh", Endpoint: endpoint, AccessKey: "key", SecretKey: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	var diags diag.Diagnostics
	a := bucketApply{c: c, creating: true, next: &stateBucketModel{Name: types.StringValue("states")}}
	a.warnLacking(map[s3store.Capability]bool{s3store.CapRequireTLS: true, s3store.CapLifecycleNoncurrent: true, s3store.CapLifecycleAbortUploads: true}, &diags)
	said := diags.Warnings()[0].Detail()
	for _, part := range []string{"\n\nrequire_tls: it has no bucket policies.", "\n\nlifecycle.noncurrent_expiration_days, lifecycle.abort_incomplete_uploads_days: there are lifecycle rules at"} {
		if !strings.Contains(said, part) {
			t.Errorf("%q is not in: %s", part, said)
		}
	}
	if n := strings.Count(said, reason); n != 1 {
		t.Errorf("the reason is given %d times: %s", n, said)
	}
}
