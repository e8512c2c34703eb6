package tcpproxy

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Options say where a proxy leads.
type Options struct {
	// Upstream is the host:port of the server.
	Upstream string
	// Listen is the address to listen on; empty means any free port of 127.0.0.1.
	Listen string
}

// Proxy is a running proxy.
type Proxy struct {
	upstream string
	listener net.Listener
	done     chan struct{}
	workers  sync.WaitGroup

	mu      sync.Mutex
	pairs   map[*pair]bool
	turns   int
	before  int
	after   int
	stallAt int
	fired   bool
	latency time.Duration
	gate    chan struct{} // closed while data may pass
	stalled bool
	closed  bool
}

// Start starts a proxy; it runs until Close.
func Start(opts Options) (*Proxy, error) {
	listener, err := net.Listen("tcp", cmp.Or(opts.Listen, "127.0.0.1:0")) //nolint:noctx // binding does not block
	if err != nil {
		return nil, fmt.Errorf("starting a TCP proxy: %w", err)
	}
	p := &Proxy{
		upstream: opts.Upstream, listener: listener, done: make(chan struct{}),
		pairs: map[*pair]bool{}, gate: make(chan struct{}),
	}
	close(p.gate)
	p.workers.Go(p.accept)
	return p, nil
}

// Addr returns host:port of the proxy.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Host returns the address that the proxy listens on.
func (p *Proxy) Host() string { return p.tcpAddr().IP.String() }

// Port returns the port that the proxy listens on.
func (p *Proxy) Port() int { return p.tcpAddr().Port }

func (p *Proxy) tcpAddr() *net.TCPAddr {
	addr, ok := p.listener.Addr().(*net.TCPAddr)
	if !ok {
		panic("tcpproxy: a TCP listener without a TCP address")
	}
	return addr
}

// CutBefore cuts the connection instead of passing on the nth turn from now.
func (p *Proxy) CutBefore(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before, p.fired = p.turns+n, false
}

// CutAfter passes on the nth turn from now, waits until the server has answered it, and cuts the
// connection instead of passing on the answer.
func (p *Proxy) CutAfter(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after, p.fired = p.turns+n, false
}

// StallAt holds everything back, as Stall does, from the nth turn from now on.
func (p *Proxy) StallAt(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stallAt, p.fired = p.turns+n, false
}

// Reset forgets the faults that were asked for, the turns counted, and whether a fault happened. A
// stall goes on until Resume.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turns, p.before, p.after, p.stallAt, p.fired = 0, 0, 0, 0, false
}

// Fired reports whether the cut or the stall that was asked for last has happened.
func (p *Proxy) Fired() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fired
}

// Turns returns how many turns were counted.
func (p *Proxy) Turns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.turns
}

// CutAll cuts every connection at once; new ones are accepted.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		c.cut()
	}
}

// Connections returns how many connections there are.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pairs)
}

// Stall holds back everything, in both directions, until Resume. Connections stay open and new ones
// are accepted, as by a server that hangs.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stall()
}

func (p *Proxy) stall() {
	if !p.stalled {
		p.stalled, p.gate = true, make(chan struct{})
	}
}

// Resume ends a Stall.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled {
		p.stalled = false
		close(p.gate)
	}
}

// SetLatency delays everything from now on, each way.
func (p *Proxy) SetLatency(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = d
}

// Close stops the proxy and cuts its connections. It is safe to call more than once.
func (p *Proxy) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.done)
	for c := range p.pairs {
		c.cut()
	}
	p.mu.Unlock()

	err := p.listener.Close()
	p.workers.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		server, err := net.Dial("tcp", p.upstream) //nolint:noctx // it ends with the connection
		if err != nil {
			// The client sees a connection that ends, as with a proxy whose server is down.
			_ = client.Close()
			continue
		}
		p.serve(&pair{client: client, server: server})
	}
}

func (p *Proxy) serve(c *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.cut()
		return
	}
	p.pairs[c] = true
	var both sync.WaitGroup
	both.Go(func() { p.forward(c, c.client, c.server, p.fromClient) })
	both.Go(func() { p.forward(c, c.server, c.client, p.fromServer) })
	p.workers.Go(func() {
		both.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.pairs, c)
	})
}
