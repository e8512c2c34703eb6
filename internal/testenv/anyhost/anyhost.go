// Package anyhost puts one local S3 server behind the host names of real services: a program that is
// told to use the proxy and to trust its authority talks to the local server, and believes that it
// talks to the service. So a configuration can be tried exactly as it is written, host names, regions,
// TLS and the way in which buckets are addressed included.
package anyhost

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/certs"
)

// Host is a name that the local server answers to, and so are all names that end in it.
type Host struct {
	Name string
	// RefuseTrailers answers as the Ceph family does to a body whose checksum follows it.
	RefuseTrailers bool
}

// Request is one that arrived.
type Request struct {
	// Host as the client named it, without a port.
	Host, Method, Path string
	// Region is the one that the client signed for.
	Region string
	// Conditional is a write that demands that there be no object, Trailing one whose checksum follows.
	Conditional, Trailing bool
}

// Server is a running proxy with the local server behind.
type Server struct {
	// ProxyURL is for HTTPS_PROXY, CAFile for AWS_CA_BUNDLE.
	ProxyURL, CAFile string

	hosts   []Host
	forward http.Handler
	inner   *handed

	mu   sync.Mutex
	seen []Request
}

// Start puts the S3 server at an address such as http://127.0.0.1:9000 behind names. Every other
// name is refused.
func Start(tb testing.TB, upstream string, hosts []Host) *Server {
	tb.Helper()
	target, err := url.Parse(upstream)
	if err != nil {
		tb.Fatalf("anyhost: %v", err)
	}
	var names []string
	for _, h := range hosts {
		names = append(names, h.Name, "*."+h.Name)
	}
	pair, err := certs.NewFor(tb.TempDir(), names, nil)
	if err != nil {
		tb.Fatalf("anyhost: %v", err)
	}
	config, err := pair.ServerConfig()
	if err != nil {
		tb.Fatalf("anyhost: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding does not block
	if err != nil {
		tb.Fatalf("anyhost: %v", err)
	}
	silent := log.New(io.Discard, "", 0)
	s := &Server{
		ProxyURL: "http://" + listener.Addr().String(), CAFile: pair.CAFile, hosts: hosts,
		inner: &handed{conns: make(chan net.Conn), closed: make(chan struct{}), addr: listener.Addr()},
		forward: &httputil.ReverseProxy{ErrorLog: silent, Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed, and names the bucket
		}},
	}
	outer := &http.Server{Handler: http.HandlerFunc(s.connect), ErrorLog: silent} //nolint:gosec // for the tests of this process
	service := &http.Server{Handler: http.HandlerFunc(s.serve), ErrorLog: silent} //nolint:gosec // likewise
	go func() { _ = outer.Serve(listener) }()                                     // ends with Close
	go func() { _ = service.Serve(tls.NewListener(s.inner, config)) }()
	tb.Cleanup(func() {
		_ = outer.Close()
		_ = service.Close()
	})
	return s
}

// Env is what a program needs in its environment.
func (s *Server) Env() []string {
	return []string{"HTTPS_PROXY=" + s.ProxyURL, "AWS_CA_BUNDLE=" + s.CAFile}
}

// Requests returns those that arrived for a name and for all that end in it.
func (s *Server) Requests(host string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Request
	for _, r := range s.seen {
		if under(r.Host, host) {
			out = append(out, r)
		}
	}
	return out
}

func under(name, host string) bool { return name == host || strings.HasSuffix(name, "."+host) }

// connect takes a tunnel to any name and ends it here.
func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	name, _, err := net.SplitHostPort(r.Host)
	known := slices.ContainsFunc(s.hosts, func(h Host) bool { return under(name, h.Name) })
	if err != nil || r.Method != http.MethodConnect || !known {
		http.Error(w, fmt.Sprintf("no server stands behind %q in this test", r.Host), http.StatusBadGateway)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")); err != nil {
		_ = conn.Close()
		return
	}
	s.inner.hand(r.Context(), &early{Conn: conn, rest: buffered.Reader})
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	name, _, _ := strings.Cut(r.Host, ":")
	seen := Request{
		Host: name, Method: r.Method, Path: r.URL.Path, Region: region(r.Header.Get("Authorization")),
		Conditional: r.Header.Get("If-None-Match") == "*",
		Trailing:    r.Header.Get("X-Amz-Trailer") != "",
	}
	s.mu.Lock()
	s.seen = append(s.seen, seen) // before the client can have an answer
	s.mu.Unlock()
	refuses := slices.ContainsFunc(s.hosts, func(h Host) bool { return h.RefuseTrailers && under(name, h.Name) })
	switch {
	case strings.HasPrefix(name, "sts."):
		answerIdentity(w)
	case refuses && seen.Trailing:
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "<Error><Code>XAmzContentSHA256Mismatch</Code><Message>trailing checksums are refused here</Message></Error>")
	default:
		s.forward.ServeHTTP(w, r)
	}
}

// answerIdentity is AWS's token service as far as the tools ask it: who am I?
func answerIdentity(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/xml")
	_, _ = io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>`+
		`<Arn>arn:aws:iam::123456789012:user/test</Arn><UserId>AIDATEST</UserId><Account>123456789012</Account>`+
		`</GetCallerIdentityResult><ResponseMetadata><RequestId>test</RequestId></ResponseMetadata></GetCallerIdentityResponse>`)
}

// region reads the scope of a signature.
func region(authorization string) string {
	_, scope, _ := strings.Cut(authorization, "Credential=")
	scope, _, _ = strings.Cut(scope, ",")
	parts := strings.Split(scope, "/")
	if len(parts) < 5 {
		return ""
	}
	return parts[len(parts)-3]
}

// early is a connection of which some bytes were read already.
type early struct {
	net.Conn

	rest *bufio.Reader
}

func (c *early) Read(p []byte) (int, error) { return c.rest.Read(p) }

// handed is a listener of connections that somebody else accepted.
type handed struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	addr   net.Addr
}

func (h *handed) hand(ctx context.Context, conn net.Conn) {
	select {
	case h.conns <- conn:
	case <-h.closed:
		_ = conn.Close()
	case <-ctx.Done():
		_ = conn.Close()
	}
}

// Accept implements net.Listener.
func (h *handed) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handed) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener.
func (h *handed) Addr() net.Addr { return h.addr }
