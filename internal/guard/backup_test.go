package guard

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// bucketOfAll holds what a bucket may hold: current and superseded versions, markers, versions from
// before there were any, and keys of all kinds. It returns the contents by key and version.
func bucketOfAll(t *testing.T, c *s3store.Client) (bucket string, contents map[saved]string) {
	t.Helper()
	bucket = newBucket(t, c, false)
	put(t, c, bucket, "before/versions", []byte("old1"))
	put(t, c, bucket, "before/untouched", []byte("old2"))
	keepVersionsOf(t, c, bucket)
	put(t, c, bucket, "before/versions", []byte("new1")) // of the same size
	state := fixture(t, "terraform-full.tfstate")
	put(t, c, bucket, "infra/terraform.tfstate", state)
	put(t, c, bucket, "infra/terraform.tfstate", append(state, '\n'))
	put(t, c, bucket, "gone", []byte("gone"))
	must(t, c.DeleteObject(t.Context(), bucket, "gone", ""))
	for _, key := range []string{
		"ctl\x01x", "nl\nx", "sp ace+plus%41", "ünï/cødé", "<&>\"'", `back\slash`, `C:\x`, "con", "NUL.txt", "x.", "dir/", "A", "a", "~", "%", "*?", strings.Repeat("long", 60),
	} {
		put(t, c, bucket, key, []byte("content of "+key))
	}
	put(t, c, bucket, "empty", nil)
	put(t, c, bucket, s3store.ProbePrefix+"x/lock", nil)

	contents = map[saved]string{}
	for _, v := range versionsOf(t, c, bucket) {
		if v.DeleteMarker || strings.HasPrefix(v.Key, s3store.ProbePrefix) {
			continue
		}
		body, err := c.Get(t.Context(), bucket, v.Key, v.ID)
		must(t, err)
		content, err := io.ReadAll(body)
		must(t, errors.Join(err, body.Close()))
		contents[saved{v.Key, v.ID}] = string(content)
	}
	return bucket, contents
}

// readBackup checks a manifest against what it lists, which open reads, and returns the contents.
func readBackup(t *testing.T, bucket string, open func(name string) []byte) (Manifest, map[saved]string) {
	t.Helper()
	var m Manifest
	dec := json.NewDecoder(bytes.NewReader(open("manifest.json")))
	dec.DisallowUnknownFields()
	must(t, dec.Decode(&m))
	if m.FormatVersion != "1.0" || m.Bucket != bucket || m.Endpoint == "" || m.Region == "" || !m.Created.Equal(noon) {
		t.Errorf("unexpected manifest of %+v", m)
	}
	contents, files := map[saved]string{}, map[string]bool{}
	for _, e := range m.Entries {
		if e.DeleteMarker {
			if e.File != "" || e.SHA256 != "" {
				t.Errorf("a delete marker has content: %+v", e)
			}
			continue
		}
		content := open(e.File)
		sum := sha256.Sum256(content)
		if hex.EncodeToString(sum[:]) != e.SHA256 || int64(len(content)) != e.Size || files[e.File] || e.LastModified.IsZero() {
			t.Errorf("%s does not hold %+v", e.File, e)
		}
		if !filepath.IsLocal(e.File) {
			t.Errorf("%s leads out of the backup", e.File)
		}
		files[e.File] = true
		contents[saved{e.Key, e.VersionID}] = string(content)
	}
	return m, contents
}

func inFolder(t *testing.T, dir string) func(string) []byte {
	t.Helper()
	return func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		must(t, err)
		return content
	}
}

func inBucket(t *testing.T, c *s3store.Client, place string) func(string) []byte {
	t.Helper()
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(place, s3Scheme), "/")
	return func(name string) []byte {
		body, err := c.Get(t.Context(), bucket, prefix+"/"+name, "")
		must(t, err)
		content, err := io.ReadAll(body)
		must(t, errors.Join(err, body.Close()))
		return content
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	c := client(t)
	bucket, want := bucketOfAll(t, c)
	other := newBucket(t, c, false)
	dir := t.TempDir()
	type target struct{ to, place string }
	targets := map[string]target{
		"to a folder":                 {filepath.Join(dir, "new", "folder"), filepath.Join(dir, "new", "folder", bucket+"-20261123-120000")},
		"to a bucket":                 {"s3://" + other, "s3://" + other + "/" + bucket + "-20261123-120000"},
		"to a bucket, under a prefix": {"S3://" + other + "/a b/%41/", "s3://" + other + "/a b/%41/" + bucket + "-20261123-120000"},
	}
	if filepath.Separator == '/' {
		for _, odd := range []string{"s3:/x", "C:x"} { // which only look like something else
			targets["to the folder "+odd] = target{filepath.Join(dir, odd), filepath.Join(dir, odd, bucket+"-20261123-120000")}
		}
	}
	for name, tc := range targets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Backup(t.Context(), c, bucket, tc.to, noon)
			must(t, err)
			if got.Place != tc.place {
				t.Errorf("is at %s", got.Place)
			}
			open := inFolder(t, got.Place)
			if strings.HasPrefix(tc.place, s3Scheme) {
				open = inBucket(t, c, got.Place)
			}
			m, contents := readBackup(t, bucket, open)
			if !maps.Equal(contents, want) {
				t.Errorf("holds %d versions that are not the %d of the bucket", len(contents), len(want))
			}
			checkEntries(t, m, versionsOf(t, c, bucket))
			for _, v := range versionsOf(t, c, bucket) {
				if !got.Holds(v) {
					t.Errorf("says that it does not hold %+v", v)
				}
			}
			// A second one in the same second goes elsewhere.
			again, err := Backup(t.Context(), c, bucket, tc.to, noon)
			if err != nil || again.Place != tc.place+"-2" {
				t.Errorf("again: %+v, %v", again, err)
			}
		})
	}
}

// checkEntries compares the manifest with a listing, markers included.
func checkEntries(t *testing.T, m Manifest, versions []s3store.Version) {
	t.Helper()
	listed := map[saved]s3store.Version{}
	for _, v := range versions {
		if !strings.HasPrefix(v.Key, s3store.ProbePrefix) {
			listed[saved{v.Key, v.ID}] = v
		}
	}
	if len(m.Entries) != len(listed) {
		t.Errorf("%d entries for %d versions", len(m.Entries), len(listed))
	}
	for _, e := range m.Entries {
		v, ok := listed[saved{e.Key, e.VersionID}]
		if !ok || v.IsLatest != e.Current || v.DeleteMarker != e.DeleteMarker || !v.LastModified.Equal(e.LastModified) {
			t.Errorf("entry %+v of version %+v", e, v)
		}
	}
	if !slices.IsSortedFunc(m.Entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) }) {
		t.Error("the entries are not sorted")
	}
}

// Only what is in the backup may be deleted.
func TestHolds(t *testing.T) {
	t.Parallel()
	c := client(t)
	for _, keepVersions := range []bool{false, true} {
		t.Run(fmt.Sprintf("versions %v", keepVersions), func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, c, keepVersions)
			put(t, c, bucket, "same", []byte("1"))
			put(t, c, bucket, "changed", []byte("1"))
			b, err := Backup(t.Context(), c, bucket, t.TempDir(), noon)
			must(t, err)
			put(t, c, bucket, "changed", []byte("2"))
			put(t, c, bucket, "new", []byte("2"))
			put(t, c, bucket, s3store.ProbePrefix+"x", nil)
			_, err = c.PurgeOnly(t.Context(), bucket, b.Holds, nil)
			var left *s3store.LeftBehindError
			if !errors.As(err, &left) || left.Count != 2 {
				t.Errorf("unexpected %v", err)
			}
			var keys []string
			for _, v := range versionsOf(t, c, bucket) {
				keys = append(keys, v.Key)
			}
			if !slices.Equal(keys, []string{"changed", "new"}) {
				t.Errorf("left are %v", keys)
			}
		})
	}
	var none *Saved
	if none.Holds(s3store.Version{Key: "x"}) || !none.Holds(s3store.Version{Key: s3store.ProbePrefix + "x"}) {
		t.Error("no backup holds something")
	}
}

// One cut anywhere is made up for. A backup that cannot be finished is an error, has no manifest,
// and the bucket is as it was.
func TestBackupThroughCuts(t *testing.T) {
	t.Parallel()
	direct := client(t)
	bucket := newBucket(t, direct, true)
	put(t, direct, bucket, "infra/terraform.tfstate", fixture(t, "terraform-full.tfstate"))
	put(t, direct, bucket, "infra/terraform.tfstate", bytes.Repeat([]byte("x"), 200_000))
	put(t, direct, bucket, "x", []byte("y"))
	before := versionsOf(t, direct, bucket)
	other := newBucket(t, direct, false)
	for _, to := range []string{"", "s3://" + other} {
		for _, action := range []s3proxy.Action{s3proxy.CutBefore(), s3proxy.CutMiddle(), s3proxy.Respond(503, "SlowDown", "slow", nil)} {
			t.Run(action.String()+to, func(t *testing.T) {
				t.Parallel()
				c, proxy := proxied(t)
				for n := 1; ; n++ {
					proxy.ClearRules()
					proxy.Reset()
					proxy.FailNth(n, action)
					target := t.TempDir()
					if to != "" {
						target = fmt.Sprintf("%s/%s/%d", to, action, n) // each finds its place at once
					}
					if _, err := Backup(t.Context(), c, bucket, target, noon); err != nil {
						t.Fatalf("request %d, %v: %v", n, proxy.Faulted(), err)
					}
					if len(proxy.Faulted()) == 0 {
						break
					}
				}
			})
		}
	}
	tests := map[string]struct {
		rule s3proxy.Rule
		to   string
	}{
		"no listing":                    {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "ListObjectVersions"}, Action: s3proxy.CutBefore()}},
		"no content":                    {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "GetObject"}, Action: s3proxy.CutBefore()}},
		"half of each content":          {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "GetObject"}, Action: s3proxy.CutMiddle()}},
		"no right to one version":       {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "GetObject"}, When: s3proxy.Nth(2), Action: s3proxy.Respond(403, "AccessDenied", "no", nil)}},
		"a page in place of content":    {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "GetObject"}, Action: s3proxy.RespondHTML(http.StatusOK, "<html></html>")}},
		"no write to the other bucket":  {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "PutObject"}, Action: s3proxy.CutBefore()}, to: "s3://" + other + "/a"},
		"no manifest there":             {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "PutObject", KeySuffix: "manifest.json"}, Action: s3proxy.CutBefore()}, to: "s3://" + other + "/b"},
		"nothing can be read back":      {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "GetObject", Bucket: other}, Action: s3proxy.CutMiddle()}, to: "s3://" + other + "/c"},
		"the other bucket is not there": {to: "s3://" + testenv.BucketName(t)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t)
			proxy.AddRule(tc.rule)
			to := tc.to
			if to == "" {
				to = t.TempDir()
			}
			b, err := Backup(t.Context(), c, bucket, to, noon)
			if err == nil || b != nil {
				t.Fatalf("made %+v", b)
			}
			if !strings.Contains(err.Error(), bucket) && tc.to == "" {
				t.Errorf("%v does not name the bucket", err)
			}
			proxy.ClearRules()
			if !slices.Equal(versionsOf(t, c, bucket), before) {
				t.Error("the bucket is not as it was")
			}
			if tc.to == "" {
				if made, err := filepath.Glob(filepath.Join(to, "*", "manifest.json")); err != nil || len(made) > 0 {
					t.Errorf("manifests %v, %v", made, err)
				}
			}
		})
	}
}

// What is overwritten between the listing and the copy is noticed, whatever its size.
func TestBackupOfWhatChanges(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := newBucket(t, c, false)
	put(t, c, bucket, "x", []byte("1"))
	direct := client(t)
	proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "GetObject", Func: func(s3proxy.Request) bool {
		_, err := direct.Put(t.Context(), bucket, "x", strings.NewReader("2"))
		return err != nil
	}}, Action: s3proxy.CutBefore()})
	var changed *s3store.ChangedError
	if _, err := Backup(t.Context(), c, bucket, t.TempDir(), noon); !errors.As(err, &changed) || changed.Key != "x" {
		t.Errorf("unexpected %v", err)
	}
}

func TestBackupTargets(t *testing.T) {
	t.Parallel()
	c := client(t)
	bucket := newBucket(t, c, false)
	put(t, c, bucket, "x", nil)
	file := filepath.Join(t.TempDir(), "file")
	write(t, nil, file)
	for to, says := range map[string]string{
		"s3://" + bucket:              "into the bucket itself",
		"s3://" + bucket + "/prefix":  "into the bucket itself",
		"s3://":                       "s3://bucket/prefix",
		"s3:///prefix":                "s3://bucket/prefix",
		"s3://other?region=x":         "s3://bucket/prefix",
		"s3://KEY:hunter2@other/":     "s3://bucket/prefix",
		"s3://other/prefix#x":         "s3://bucket/prefix",
		file:                          "backup folder",
		filepath.Join(file, "x"):      "backup folder",
		filepath.Join(file, "..", ""): "",
	} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			_, err := Backup(t.Context(), c, bucket, to, noon)
			if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("unexpected %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v shows a secret", err)
			}
		})
	}
}

// Where one key is a folder of another, one of the two gets a name of its own.
func TestFolderTargetConflicts(t *testing.T) {
	t.Parallel()
	for name, names := range map[string][]string{
		"file first":        {"objects/infra", "objects/infra/x"},
		"folder first":      {"objects/infra/x", "objects/infra"},
		"twice":             {"objects/infra", "objects/infra"},
		"deep":              {"objects/a/b/c/d", "objects/a/b", "objects/a"},
		"out of the folder": {"../outside", "objects/../../outside", "/outside"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			target, err := newFolderTarget(filepath.Join(parent, "to"), "backup")
			must(t, err)
			seen := map[string]string{}
			for i, n := range names {
				e := Entry{Size: int64(len(n)) + 1}
				content := fmt.Sprint(n, i)
				if err := store(t.Context(), target, n, strings.NewReader(content), &e); err != nil {
					if name == "twice" && i == 1 {
						t.Fatalf("the second of two: %v", err)
					}
					t.Fatal(err)
				}
				if seen[e.File] != "" {
					t.Errorf("%s is overwritten", e.File)
				}
				seen[e.File] = content
			}
			for file, content := range seen {
				if got := inFolder(t, target.place())(file); string(got) != content {
					t.Errorf("%s holds %q, want %q", file, got, content)
				}
			}
			must(t, target.close())
			if entries, err := os.ReadDir(parent); err != nil || len(entries) != 1 {
				t.Errorf("beside it are %v, %v", entries, err)
			}
			if info, err := os.Stat(target.place()); err != nil || info.Mode().Perm()&0o077 != 0 && filepath.Separator == '/' {
				t.Errorf("the folder is open to others: %v, %v", info, err)
			}
		})
	}
}

// badTarget keeps something else than it was given.
type badTarget struct{ target }

func (badTarget) write(context.Context, string, *os.File) (string, string, error) {
	return "x", "another sum", nil
}

func TestStoreChecksTheCopy(t *testing.T) {
	t.Parallel()
	err := store(t.Context(), badTarget{}, "x", strings.NewReader("content"), &Entry{Size: 7})
	if err == nil || !strings.Contains(err.Error(), "not what was read") {
		t.Errorf("unexpected %v", err)
	}
	var cut *cutError
	if err := store(t.Context(), badTarget{}, "x", strings.NewReader("content"), &Entry{Size: 8}); !errors.As(err, &cut) {
		t.Errorf("unexpected %v", err)
	}
}
