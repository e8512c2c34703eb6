package anyhost

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
)

// client is told of the proxy and its authority, as the tools are by their environment.
func client(t *testing.T, s *Server) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	proxy, err := url.Parse(s.ProxyURL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func do(t *testing.T, c *http.Client, method, at string, header map[string]string) (int, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func TestAnyHost(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Host+" "+r.URL.Path+" "+string(body))
	}))
	t.Cleanup(upstream.Close)
	s := Start(t, upstream.URL, []Host{{Name: "s3.example.com"}, {Name: "ceph.example.com", RefuseTrailers: true}, {Name: "sts.example.com"}})
	c := client(t, s)
	signed := map[string]string{"Authorization": "AWS4-HMAC-SHA256 Credential=a/b/20261126/fr-par/s3/aws4_request, SignedHeaders=host, Signature=x", "If-None-Match": "*"}
	trailing := map[string]string{"X-Amz-Trailer": "x-amz-checksum-crc32"}
	for _, tc := range []struct {
		at     string
		header map[string]string
		status int
		body   string
	}{
		{"https://s3.example.com/b/k", signed, 200, "s3.example.com /b/k body"},
		{"https://b.s3.example.com/k", trailing, 200, "b.s3.example.com /k body"},
		{"https://b.ceph.example.com/k", trailing, 400, "XAmzContentSHA256Mismatch"},
		{"https://b.ceph.example.com/k", nil, 200, "b.ceph.example.com /k body"},
		{"https://sts.example.com/", nil, 200, "123456789012"},
	} {
		status, body, err := do(t, c, http.MethodPut, tc.at, tc.header)
		if err != nil || status != tc.status || !strings.Contains(body, tc.body) {
			t.Errorf("%s: %d %q, %v", tc.at, status, body, err)
		}
	}
	if _, _, err := do(t, c, http.MethodPut, "https://elsewhere.example.org/", nil); err == nil {
		t.Error("a name that nobody gave was answered")
	}
	seen := s.Requests("s3.example.com")
	if len(seen) != 2 || seen[0].Region != "fr-par" || !seen[0].Conditional || seen[0].Trailing || !seen[1].Trailing || seen[1].Host != "b.s3.example.com" {
		t.Errorf("recorded %+v", seen)
	}
	if env := strings.Join(s.Env(), " "); !strings.Contains(env, "HTTPS_PROXY=http://127.0.0.1:") || !strings.Contains(env, "AWS_CA_BUNDLE=") {
		t.Errorf("unexpected %s", env)
	}
}
