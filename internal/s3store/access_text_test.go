package s3store

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/imitate"
)

func TestGuides(t *testing.T) {
	t.Parallel()
	for name, raw := range guides {
		p, err := ProfileByName(name)
		must(t, err)
		g, ok := p.Guide("my-bucket")
		if !ok || g.Where == "" || g.Narrower == "" || !regexp.MustCompile(`^https://`).MatchString(g.Source.URL) || g.Source.Date == "" {
			t.Errorf("%s: incomplete: %+v", name, g)
		}
		for _, level := range AccessLevels() {
			text := g.Level(level)
			if text == "" || strings.Contains(text, "{bucket}") || strings.HasSuffix(text, ".") {
				t.Errorf("%s, %s: %q", name, level, text)
			}
		}
		if !strings.Contains(g.ReadOnly, "my-bucket") {
			t.Errorf("%s: does not name the bucket: %s", name, g.ReadOnly)
		}
		if !strings.Contains(raw.ReadOnly, "{bucket}") {
			t.Errorf("%s: the text itself was changed", name)
		}
	}
	if _, ok := awsProfile.Guide("b"); ok {
		t.Error("on AWS the policy says it all")
	}
}

func TestRefuseAccess(t *testing.T) {
	t.Parallel()
	reader := Access{Level: AccessReadOnly, Principals: []string{"ci"}}
	narrow := Access{Level: AccessAdmin, Principals: []string{"ci"}, Prefix: "infra/"}
	for name, tc := range map[string]struct {
		profile Profile
		entries []Access
		says    []string
		not     []string
	}{
		"one level":     {r2Profile, []Access{reader}, []string{"API tokens", "read-only: Cloudflare dashboard", "state-bucket"}, []string{"admin:", "prefix"}},
		"a prefix":      {garageProfile, []Access{narrow}, []string{"admin: garage bucket allow --read --write --owner state-bucket", "under a prefix only: not possible"}, []string{"read-only:"}},
		"not known":     {b2Profile, []Access{{}}, []string{"read-only:", "read-write:", "admin:"}, []string{"prefix only"}},
		"with a policy": {spacesProfile, []Access{reader}, []string{"Spaces access keys", `permission = "read"`}, nil},
	} {
		err := tc.profile.RefuseAccess("state-bucket", tc.entries)
		var lack *UnsupportedError
		if !errors.As(err, &lack) || lack.Capability != CapPolicy || !strings.Contains(err.Error(), tc.profile.DisplayName) {
			t.Errorf("%s: unexpected %v", name, err)
			continue
		}
		for _, want := range tc.says {
			if !strings.Contains(Hint(err), want) {
				t.Errorf("%s: nothing says %q:\n%s", name, want, Hint(err))
			}
		}
		for _, not := range tc.not {
			if strings.Contains(Hint(err), not) {
				t.Errorf("%s: says %q:\n%s", name, not, Hint(err))
			}
		}
	}
	if err := awsProfile.RefuseAccess("b", []Access{reader}); err != nil {
		t.Error(err)
	}
	if err := r2Profile.RefuseAccess("b", nil); err != nil {
		t.Errorf("nothing is asked for: %v", err)
	}
}

// The engine refuses as well, before it sends anything.
func TestAccessElsewhereIsNotSent(t *testing.T) {
	t.Parallel()
	c, service := imitated(t, imitate.R2)
	bucket := newBucket(t, c)
	service.Proxy.Reset()
	want := Settings{Access: &[]Access{{Level: AccessReadWrite, Principals: []string{"ci"}}}}
	_, err := c.Apply(t.Context(), bucket, want, &Observed{}, everyOptional())
	if !errors.Is(err, ErrUnsupported) || !strings.Contains(Hint(err), "Object Read & Write") {
		t.Errorf("unexpected %v", err)
	}
	if n := len(service.Proxy.Requests()); n > 0 {
		t.Errorf("%v was sent", service.Proxy.Operations())
	}
}
