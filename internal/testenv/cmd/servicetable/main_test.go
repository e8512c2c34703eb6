package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

func TestFill(t *testing.T) {
	text := "before\n<!-- services: locks -->\nwhat stood here\n<!-- /services -->\nbetween\n<!-- services: overview --><!-- /services -->\nafter\n"
	once, err := fill(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"before\n<!-- services: locks -->\n\n| `service`", "|\n\n<!-- /services -->\nbetween\n", "\nafter\n"} {
		if !strings.Contains(once, want) {
			t.Errorf("it lacks %q:\n%s", want, once)
		}
	}
	if strings.Contains(once, "what stood here") {
		t.Errorf("what stood there before is still there:\n%s", once)
	}
	if twice, err := fill(once); err != nil || twice != once {
		t.Errorf("a second time changes it again (%v):\n%s", err, twice)
	}
	for _, name := range s3store.ServiceNames() {
		if strings.Count(once, "| `"+name+"` |") != 2 {
			t.Errorf("%s has not a row in each table:\n%s", name, once)
		}
	}
}

func TestFillRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"nothing":                                "there is no",
		"<!-- services: settings":                "not closed",
		"<!-- services: settings -->":            "<!-- /services -->",
		"<!-- services: x --><!-- /services -->": `"x"`,
	} {
		if _, err := fill(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTables(t *testing.T) {
	p := s3store.Profile{
		Name: "acme", DisplayName: "Acme", PathStyle: true, RegionEndpoints: map[string]string{"old": "https://old.example.com"},
		OtherEndpoints: []s3store.OtherEndpoint{
			{URL: "https://too.{region}.example.com"},
			{URL: "https://s2.{region}.example.com", Calls: map[s3store.Capability]s3store.Support{s3store.CapLifecycle: s3store.Unsupported}},
		},
		AccessKeyVars: []string{"ACME_KEY"}, SecretKeyVars: []string{"ACME_SECRET"}, TrailingChecksums: s3store.Unsupported,
		Endpoint: "https://s3.{region}.example.com", Dialect: s3store.DialectAWS, Lock: s3store.LockUnsafe, LockReason: "it loses them",
		Calls: map[s3store.Capability]s3store.Support{
			s3store.CapVersioning: s3store.Supported, s3store.CapEncryption: s3store.Supported, s3store.CapPublicAccessBlock: s3store.Unsupported,
			s3store.CapRequireTLS: s3store.Supported, s3store.CapLifecycle: s3store.Supported, s3store.CapLifecycleNoncurrent: s3store.Supported,
			s3store.CapLifecycleAbortUploads: s3store.Unsupported, s3store.CapLifecycleDeleteMarkers: s3store.Supported, s3store.CapPolicy: s3store.Supported,
		},
		Sources: []s3store.Source{{URL: "https://example.com/docs", Date: "2026-01-02"}, {URL: "https://example.com/source, measured", Date: "2026-02-03"}},
	}
	for name, tc := range map[string]struct{ got, want string }{
		"reach":    {reach([]s3store.Profile{p}), "| `acme` | Acme | `https://s3.{region}.example.com`; `old`: `https://old.example.com`; `https://too.{region}.example.com`; `https://s2.{region}.example.com` | you name it | path | `ACME_KEY`, `ACME_SECRET` | refused |\n"},
		"settings": {settings([]s3store.Profile{p}), "| `acme` | yes | yes | no | yes | yes, but not `abort_incomplete_uploads_days`; none at `https://s2.{region}.example.com` | yes, as on AWS | asked | asked | asked |\n"},
		"locks":    {locks([]s3store.Profile{p}), "| `acme` | no | it loses them | <https://example.com/docs>, 2026-01-02; <https://example.com/source> measured, 2026-02-03 |\n"},
		"overview": {overview([]s3store.Profile{p}), "| `acme` | `public_access_block`, `lifecycle.abort_incomplete_uploads_days` | no | measured on a real server |\n"},
	} {
		if !strings.HasSuffix(tc.got, tc.want) {
			t.Errorf("%s: got\n%s\nwant the last line\n%s", name, tc.got, tc.want)
		}
	}
}

func TestAccess(t *testing.T) {
	profiles, err := known()
	if err != nil {
		t.Fatal(err)
	}
	text := access(profiles)
	for _, want := range []string{
		"**Cloudflare R2** (`r2`): API tokens", "- read-only: garage bucket allow --read BUCKET --key KEY\n", "- known from <https://developers.cloudflare.com/r2/api/tokens/>, 2026-",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "`aws`") {
		t.Error("on AWS the policy says it all")
	}
}

func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(file, []byte("<!-- services: settings --><!-- /services -->\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	if code := run([]string{file}, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "| `scaleway` |") {
		t.Errorf("%v: %s", err, text)
	}
	if code := run([]string{filepath.Join(t.TempDir(), "absent.md")}, &stderr); code != 1 || !strings.Contains(stderr.String(), "absent.md") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	if code := run(nil, &stderr); code != 2 {
		t.Errorf("without a file: exit code %d", code)
	}
}

// The committed documents say what the profiles say; `make docs` brings them up to date.
func TestDocumentsAreCurrent(t *testing.T) {
	root, err := toolchain.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "docs/index.md", "docs/guides/services.md", "docs/guides/security.md"} {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if now, err := fill(string(text)); err != nil || now != string(text) {
			t.Errorf("%s is not what the profiles say (%v): run `make docs`", name, err)
		}
	}
}
