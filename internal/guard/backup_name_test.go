package guard

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

func TestFileName(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]s3store.Version{
		"objects/infra/terraform.tfstate":          {Key: "infra/terraform.tfstate", ID: "1", IsLatest: true},
		"versions/infra/terraform.tfstate/1-2_a.b": {Key: "infra/terraform.tfstate", ID: "1-2_a.b"},
		"versions/x/%":                                 {Key: "x"},
		"objects/env%3A/dev/x":                         {Key: "env:/dev/x", IsLatest: true},
		"objects/%/lead":                               {Key: "/lead", IsLatest: true},
		"objects/a/%/b":                                {Key: "a//b", IsLatest: true},
		"objects/dir/%":                                {Key: "dir/", IsLatest: true},
		"objects/%2E%2E/%2E%2E/%2E/%2E%2E":             {Key: "../.././..", IsLatest: true},
		"objects/a%5C..%5Cb":                           {Key: `a\..\b`, IsLatest: true},
		"objects/.pulumi/x%2E":                         {Key: ".pulumi/x.", IsLatest: true},
		"objects/%63on/%4EUL.txt/console/com/%63om1.x": {Key: "con/NUL.txt/console/com/com1.x", IsLatest: true},
		"objects/%25/%FF%00/%C3%BC":                    {Key: "%/\xff\x00/ü", IsLatest: true},
	} {
		if got := fileName(v); got != want {
			t.Errorf("%q is at %q, want %q", v.Key, got, want)
		}
	}
	long := strings.Repeat("ü", 100)
	if got := escapeSegment(long); got[:101] != strings.Repeat("%C3%BC", 17)[:100]+"~" || len(got) != 165 {
		t.Errorf("a long segment is %q", got)
	}
}

// No key leads out of the folder, is too long or too special for a file system, or shares its name
// with another one.
func FuzzFileName(f *testing.F) {
	f.Add("infra/terraform.tfstate", "v1", true, "infra", "terraform.tfstate", false)
	f.Add("../../etc/passwd", "..", false, `..\..\x`, "", true)
	f.Add("", "", true, "%", "%", true)
	f.Add("a//b", "x", false, "a/%/b", "x", false)
	f.Add("con", "nul", true, "%63on", "nul", true)
	f.Add("x.", ".", false, "x%2E", "%2E", false)
	f.Add(strings.Repeat("x", 300), "a", true, strings.Repeat("x", 301), "a", true)
	f.Add(strings.Repeat("x", 200), "a", true, strings.Repeat("x", 100)+"~"+strings.Repeat("0", 64), "a", true)
	f.Add("\xff\x00", "\n", false, "\xfe\x00", "\n", false)
	f.Fuzz(func(t *testing.T, key1, id1 string, latest1 bool, key2, id2 string, latest2 bool) {
		a, b := s3store.Version{Key: key1, ID: id1, IsLatest: latest1}, s3store.Version{Key: key2, ID: id2, IsLatest: latest2}
		for _, v := range []s3store.Version{a, b} {
			name := fileName(v)
			if !filepath.IsLocal(filepath.FromSlash(name)) {
				t.Fatalf("%q leads out of the folder by %q", v.Key, name)
			}
			for segment := range strings.SplitSeq(name, "/") {
				if len(segment) == 0 || len(segment) > 255 || strings.HasSuffix(segment, ".") || isDevice(segment) || strings.ContainsAny(segment, `\:*?"<>|`) {
					t.Fatalf("%q has the segment %q", v.Key, segment)
				}
				for _, r := range segment {
					if r < 0x20 || r > 0x7e {
						t.Fatalf("%q has the segment %q", v.Key, segment)
					}
				}
			}
		}
		if latest1 == latest2 && latest1 {
			id1, id2 = "", "" // a key has one current version
		}
		if same := key1 == key2 && id1 == id2 && latest1 == latest2; (fileName(a) == fileName(b)) != same {
			t.Fatalf("%+v and %+v are at %q and %q", a, b, fileName(a), fileName(b))
		}
	})
}

func FuzzEscapeSegment(f *testing.F) {
	for _, seed := range []string{"", "%", ".", "..", "...", "a b", "con", "CON.x", "x.", "\xff", "~", strings.Repeat("ü", 99)} {
		f.Add(seed, seed+".")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if (escapeSegment(a) == escapeSegment(b)) != (a == b) {
			t.Fatalf("%q and %q are %q", a, b, escapeSegment(a))
		}
	})
}
