package s3proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Options say what a proxy needs beyond the address of its server.
type Options struct {
	// AccessKey and SecretKey are those that the clients sign with. Only StripHeader needs them.
	AccessKey, SecretKey string
	// UpstreamTLS is used to connect to a server whose address starts with https.
	UpstreamTLS *tls.Config
	// TLS makes the proxy serve https.
	TLS *tls.Config
}

// Proxy is a running proxy. Its methods may be called from any goroutine.
type Proxy struct {
	upstream  *url.URL
	opts      Options
	url       string
	server    *http.Server
	transport *http.Transport
	cancel    context.CancelFunc
	handlers  sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	latency  time.Duration
	seq      int
	requests []*Request
	rules    []*standing
	arrived  chan struct{} // closed and replaced at each arrival
}

// Start starts a proxy on a free port of the loopback interface in front of an S3 server, such as
// http://127.0.0.1:9000.
func Start(upstream string, opts Options) (*Proxy, error) {
	u, err := url.Parse(upstream)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("starting the S3 proxy: %q is no http or https address", upstream)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding does not block
	if err != nil {
		return nil, fmt.Errorf("starting the S3 proxy: %w", err)
	}
	scheme := "http"
	if opts.TLS != nil {
		scheme = "https"
		listener = tls.NewListener(listener, opts.TLS) // without a next protocol: HTTP/1.1 only
	}

	ctx, cancel := context.WithCancel(context.Background())
	p := &Proxy{
		upstream: u, opts: opts, cancel: cancel,
		url:     scheme + "://" + listener.Addr().String(),
		arrived: make(chan struct{}),
		transport: &http.Transport{
			TLSClientConfig:     opts.UpstreamTLS,
			MaxIdleConnsPerHost: 64,
			DisableCompression:  true, // what the server sends is what the client gets
			// The server decides on "100-continue"; this only bounds the wait for its word.
			ExpectContinueTimeout: time.Second,
		},
	}
	p.server = &http.Server{
		Handler:           p,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0), // refused handshakes are part of the tests
	}
	go func() { _ = p.server.Serve(listener) }() // ends with Close
	return p, nil
}

// URL returns the address that clients use in place of the server's.
func (p *Proxy) URL() string { return p.url }

// Close ends the proxy and every request under way, and waits for them.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	err := p.server.Close()
	p.handlers.Wait()
	p.transport.CloseIdleConnections()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("closing the S3 proxy: %w", err)
	}
	return nil
}

// AddRule adds a rule; rules are asked in the order in which they were added.
func (p *Proxy) AddRule(rule Rule) {
	p.addRule(&standing{rule: rule})
}

// FailNth applies an action to the n-th request since the start or the last Reset, whatever it is.
func (p *Proxy) FailNth(n int, action Action) {
	p.addRule(&standing{rule: Rule{Action: action}, seq: n})
}

func (p *Proxy) addRule(s *standing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, s)
}

// ClearRules removes every rule.
func (p *Proxy) ClearRules() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
}

// SetLatency delays every request from now on, which imitates a round trip over a network.
func (p *Proxy) SetLatency(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = d
}

// Reset forgets the recorded requests and restarts all counts; the rules stay.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests, p.seq = nil, 0
	for _, s := range p.rules {
		s.count = 0
	}
}

// ServeHTTP implements http.Handler; it is what the proxy's server calls.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{proxy: p, w: w, r: r}
	if !p.enter() {
		x.cut()
	}
	defer p.handlers.Done()
	actions, latency := p.arrive(x)
	// A request that is cut has ended too; an End that is noted already stands.
	defer p.update(x.record, func(rec *Request) {
		if rec.End.IsZero() {
			rec.End = time.Now()
		}
	})
	x.out = p.outgoing(r.Context(), x)
	x.sleep(latency)
	x.run(actions)
}

// enter counts a request in, unless Close has begun to wait for the last one.
func (p *Proxy) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.handlers.Add(1)
	return true
}

// arrive records the request and finds the rules that apply to it. Matching runs without the lock,
// since a match function may look at the proxy.
func (p *Proxy) arrive(x *exchange) ([]Action, time.Duration) {
	t := identify(x.r.Method, x.r.URL, x.r.Header)
	x.record = &Request{
		Method: x.r.Method, Operation: t.operation, Bucket: t.bucket, Key: t.key,
		Query: queryNames(x.r.URL.Query()), Header: recordedHeader(x.r.Header), Start: time.Now(),
	}
	p.mu.Lock()
	p.seq++
	x.record.Seq = p.seq
	p.requests = append(p.requests, x.record)
	record, rules, latency := *x.record, p.rules[:len(p.rules):len(p.rules)], p.latency
	close(p.arrived)
	p.arrived = make(chan struct{})
	p.mu.Unlock()

	var matching []*standing
	for _, s := range rules {
		if s.seq != 0 || s.rule.Match.matches(record, x.r.Header) {
			matching = append(matching, s)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var actions []Action
	for _, s := range matching {
		if s.applies(record.Seq) {
			actions = append(actions, s.rule.Action)
		}
	}
	return actions, latency
}

// outgoing makes the request to forward: the same bytes and the same Host to another address.
func (p *Proxy) outgoing(ctx context.Context, x *exchange) *http.Request {
	out := x.r.Clone(ctx)
	out.URL.Scheme, out.URL.Host = p.upstream.Scheme, p.upstream.Host
	out.RequestURI = ""
	for _, name := range hopByHop {
		out.Header.Del(name)
	}
	if len(out.Header.Values("User-Agent")) == 0 {
		out.Header.Set("User-Agent", "") // or net/http adds its own
	}
	if x.r.ContentLength != 0 {
		out.Body = countingBody{ReadCloser: x.r.Body, x: x}
	}
	return out
}

func (p *Proxy) update(record *Request, change func(*Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(record)
}
