package tcpproxy

import (
	"net"
	"time"
)

// pair is one connection through the proxy.
type pair struct {
	client, server net.Conn

	// Guarded by the proxy's mutex.
	asking  bool // the client was the last to send
	swallow bool // the answer to this turn is not passed on
}

// cut ends both connections. The client's is reset rather than closed, so that nothing that was
// already sent to it can be taken for an answer.
func (c *pair) cut() {
	if tcp, ok := c.client.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.client.Close()
	_ = c.server.Close()
}

// forward copies from one side to the other until either ends. check decides on every piece.
func (p *Proxy) forward(c *pair, from, to net.Conn, check func(*pair) (pass bool)) {
	defer c.close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !check(c) {
				c.cut()
				return
			}
			if !p.wait() {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// close ends both connections without a reset: what was written before still arrives.
func (c *pair) close() {
	_ = c.client.Close()
	_ = c.server.Close()
}

// wait holds a piece back for the latency and while the proxy is stalled. It reports false when the
// proxy is closed.
func (p *Proxy) wait() bool {
	p.mu.Lock()
	latency, gate := p.latency, p.gate
	p.mu.Unlock()
	if latency > 0 {
		timer := time.NewTimer(latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-p.done:
			return false
		}
	}
	select {
	case <-gate:
		return true
	case <-p.done:
		return false
	}
}

func (p *Proxy) fromClient(c *pair) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.asking {
		return true // more of the same turn
	}
	c.asking = true
	p.turns++
	switch p.turns {
	case p.before:
		p.fired = true
		return false
	case p.after:
		c.swallow = true
	case p.stallAt:
		p.fired = true
		p.stall()
	}
	return true
}

func (p *Proxy) fromServer(c *pair) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.asking = false
	if c.swallow {
		p.fired = true
		return false
	}
	return true
}
