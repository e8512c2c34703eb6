package s3store

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// hostileKeys are what MinIO takes of what a key may be: control characters that XML cannot carry,
// what URLs and XML escape, and names that file systems do not like.
var hostileKeys = []string{
	"ctl\x01x", "cr\rx", "nl\nx", "tab\tx", "sp ace+plus%41%2f", "ünï/cødé", "\u2028", "\ufffe", "<&>\"'", `back\slash`,
	"a?b#c&d=e", "con", "x.", "dir/", "infra", "~", "*", "日本語", "%", "%%", "+",
}

func TestHostileKeys(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	bucket := versioned(t, c)
	for _, key := range hostileKeys {
		put(t, c, bucket, key, key)
	}
	var listed, objects []string
	for _, v := range versionsOf(t, c, bucket, "") {
		listed = append(listed, v.Key)
		body, err := c.GetListed(t.Context(), bucket, v)
		must(t, err)
		if got := readAll(t, body); got != v.Key && v.Key != "dir/" {
			t.Errorf("%q holds %q", v.Key, got)
		}
	}
	for o, err := range c.Objects(t.Context(), bucket, "") {
		must(t, err)
		objects = append(objects, o.Key)
	}
	want := slices.Sorted(slices.Values(hostileKeys))
	if !slices.Equal(slices.Sorted(slices.Values(listed)), want) || !slices.Equal(slices.Sorted(slices.Values(objects)), want) {
		t.Errorf("listed as\n%q\nand\n%q, want\n%q", listed, objects, want)
	}
	for _, key := range hostileKeys {
		if len(versionsOf(t, c, bucket, key)) == 0 {
			t.Errorf("prefix %q finds nothing", key)
		}
	}
	done, err := c.Purge(t.Context(), bucket, nil)
	if err != nil || done.Versions != len(hostileKeys) {
		t.Errorf("purged %+v, %v", done, err)
	}
	must(t, c.DeleteBucket(t.Context(), bucket))
}

func readAll(t *testing.T, body io.ReadCloser) string {
	t.Helper()
	text, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A version without an ID of its own is one among others: it must not be taken for the current one.
func TestGetListedOfUnversioned(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := newBucket(t, c)
	put(t, c, bucket, "state", "old")
	must(t, c.setVersioning(t, bucket, types.BucketVersioningStatusEnabled))
	put(t, c, bucket, "state", "new")
	list := versionsOf(t, c, bucket, "")
	if len(list) != 2 || list[1].ID != unversioned || list[1].IsLatest {
		t.Fatalf("listed as %+v", list)
	}
	for i, want := range []string{"new", "old"} {
		body, err := c.GetListed(t.Context(), bucket, list[i])
		must(t, err)
		if got := readAll(t, body); got != want {
			t.Errorf("version %q holds %q, want %q", list[i].ID, got, want)
		}
	}
	// A service that lists this ID and does not take it: what is there now is another version.
	proxy.AddRule(s3proxy.Rule{Match: withVersionID, Action: s3proxy.Respond(400, "InvalidArgument", "no such thing", nil)})
	var changed *ChangedError
	if _, err := c.GetListed(t.Context(), bucket, list[1]); !errors.As(err, &changed) || changed.Key != "state" || !strings.Contains(err.Error(), bucket) {
		t.Errorf("unexpected %v", err)
	}
	if _, err := c.GetListed(t.Context(), bucket, list[0]); err == nil {
		t.Error("a version that was refused was read all the same")
	}
}

var withVersionID = s3proxy.Match{Operation: "GetObject", Func: func(r s3proxy.Request) bool { return slices.Contains(r.Query, "versionId") }}

func TestGetListedWhereIDsAreRefused(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := newBucket(t, c)
	put(t, c, bucket, "state", "content")
	proxy.AddRule(s3proxy.Rule{Match: withVersionID, Action: s3proxy.Respond(501, "NotImplemented", "no", nil)})
	list := versionsOf(t, c, bucket, "")
	body, err := c.GetListed(t.Context(), bucket, list[0])
	must(t, err)
	if got := readAll(t, body); got != "content" {
		t.Errorf("read %q", got)
	}
	put(t, c, bucket, "state", "other")
	var changed *ChangedError
	if _, err := c.GetListed(t.Context(), bucket, list[0]); !errors.As(err, &changed) {
		t.Errorf("unexpected %v", err)
	}
}

func TestGetStart(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	bucket := newBucket(t, c)
	put(t, c, bucket, "long", strings.Repeat("0123456789", 1000))
	put(t, c, bucket, "short", "01")
	put(t, c, bucket, "empty", "")
	for key, want := range map[string]string{"long": "012345", "short": "01", "empty": ""} {
		if got, err := c.GetStart(t.Context(), bucket, key, 6); err != nil || string(got) != want {
			t.Errorf("%s starts with %q, %v", key, got, err)
		}
	}
	if _, err := c.GetStart(t.Context(), bucket, "none", 6); !errors.Is(err, ErrNotFound) {
		t.Errorf("unexpected %v", err)
	}
}

// A service without ListObjectVersions is listed as one without versions.
func TestVersionsOfUnversionedService(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := newBucket(t, c)
	put(t, c, bucket, "a", "x")
	put(t, c, bucket, "b/c", "x")
	proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "ListObjectVersions"}, Action: s3proxy.Respond(501, "NotImplemented", "no", nil)})
	list := versionsOf(t, c, bucket, "")
	if len(list) != 2 || list[0].Key != "a" || list[0].ID != "" || !list[0].IsLatest {
		t.Errorf("listed as %+v", list)
	}
	for v, err := range c.Versions(t.Context(), bucket, "") {
		must(t, err)
		if v.Key == "a" {
			break // a consumer may stop early
		}
	}
	if done, err := c.Purge(t.Context(), bucket, nil); err != nil || done.Versions != 2 {
		t.Errorf("purged %+v, %v", done, err)
	}
}

func TestDeleteObject(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	bucket := versioned(t, c)
	id := put(t, c, bucket, "x", "1")
	must(t, c.DeleteObject(t.Context(), bucket, "x", ""))
	if list := versionsOf(t, c, bucket, "x"); len(list) != 2 || !list[0].DeleteMarker || !list[0].IsLatest {
		t.Errorf("listed as %+v", list)
	}
	must(t, c.DeleteObject(t.Context(), bucket, "x", id))
	must(t, c.DeleteObject(t.Context(), bucket, "x", id))
	must(t, c.DeleteObject(t.Context(), bucket, "never", ""))
	if err := c.DeleteObject(t.Context(), "no-such-bucket-here", "x", ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("unexpected %v", err)
	}
	if _, err := c.Get(t.Context(), bucket, "x", id); !errors.Is(err, ErrNotFound) {
		t.Errorf("unexpected %v", err)
	}
}

// scripted answers like a service that does what no real one does on demand.
func scripted(t *testing.T, answer func(r *http.Request) string) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		_, _ = io.WriteString(w, answer(r))
	}))
	t.Cleanup(server.Close)
	return newClient(t, Config{Service: "custom", Endpoint: server.URL, AccessKey: "K", SecretKey: "S"})
}

// A listing that does not say where it goes on, or goes round in circles, ends with an error: half
// a listing would read as all there is.
func TestEndlessListings(t *testing.T) {
	t.Parallel()
	const entry = `<Key>k</Key><VersionId>v</VersionId>`
	tests := map[string]string{
		"versions without a marker":        `<ListVersionsResult><IsTruncated>true</IsTruncated><Version>` + entry + `</Version></ListVersionsResult>`,
		"versions in circles":              `<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker></ListVersionsResult>`,
		"versions encoded as not said":     `<ListVersionsResult><EncodingType>url</EncodingType><Version><Key>%zz</Key></Version></ListVersionsResult>`,
		"objects without a token":          `<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>`,
		"objects in circles":               `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>`,
		"objects encoded as not said":      `<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%zz</Key></Contents></ListBucketResult>`,
		"uploads without a marker":         `<ListMultipartUploadsResult><IsTruncated>true</IsTruncated></ListMultipartUploadsResult>`,
		"uploads in circles":               `<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker></ListMultipartUploadsResult>`,
		"uploads' marker, wrongly encoded": `<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>%zz</NextKeyMarker></ListMultipartUploadsResult>`,
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := scripted(t, func(*http.Request) string { return answer })
			var err error
			switch {
			case strings.HasPrefix(name, "versions"):
				for _, e := range c.Versions(t.Context(), "b", "") {
					err = errors.Join(err, e)
				}
			case strings.HasPrefix(name, "objects"):
				for _, e := range c.Objects(t.Context(), "b", "") {
					err = errors.Join(err, e)
				}
			default:
				_, err = c.abortUploads(t.Context(), "b")
			}
			if err == nil {
				t.Error("it ended well")
			}
		})
	}
}

// Pages are fetched ahead: the next one is under way while this one is used.
func TestVersionsPaging(t *testing.T) {
	t.Parallel()
	const pages, each = 5, 3
	c := scripted(t, func(r *http.Request) string {
		page := 0
		if _, err := fmt.Sscanf(r.URL.Query().Get("key-marker"), "k%d", &page); err == nil {
			page++
		}
		var b strings.Builder
		fmt.Fprintf(&b, "<ListVersionsResult><IsTruncated>%v</IsTruncated><NextKeyMarker>k%d</NextKeyMarker>", page < pages-1, page)
		for i := range each {
			fmt.Fprintf(&b, "<Version><Key>k%d</Key><VersionId>%d</VersionId></Version>", page, i)
		}
		return b.String() + "</ListVersionsResult>"
	})
	var got []string
	for _, v := range versionsOf(t, c, "b", "") {
		got = append(got, v.Key+v.ID)
	}
	if len(got) != pages*each || len(slices.Compact(slices.Clone(got))) != len(got) || !slices.IsSorted(got) {
		t.Errorf("listed %v", got)
	}
}
