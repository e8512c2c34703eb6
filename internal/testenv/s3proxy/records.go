package s3proxy

import (
	"context"
	"fmt"
)

// Requests returns what was recorded since the start or the last Reset, in order of arrival.
func (p *Proxy) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	requests := make([]Request, len(p.requests))
	for i, r := range p.requests {
		requests[i] = *r
	}
	return requests
}

// Operations returns the names of the recorded operations in order of arrival.
func (p *Proxy) Operations() []string {
	requests := p.Requests()
	names := make([]string, len(requests))
	for i, r := range requests {
		names[i] = r.Operation
	}
	return names
}

// Faulted returns the recorded requests that an action was applied to.
func (p *Proxy) Faulted() []Request {
	var faulted []Request
	for _, r := range p.Requests() {
		if r.Fault != "" {
			faulted = append(faulted, r)
		}
	}
	return faulted
}

// Rounds returns the length of the critical path of what was recorded.
func (p *Proxy) Rounds() int { return len(CriticalPath(p.Requests())) }

// Await returns the first recorded request that matches, and waits for it to arrive if there is
// none: a test that kills a client in the middle of a request has to know when it is there.
func (p *Proxy) Await(ctx context.Context, match Match) (Request, error) {
	for {
		p.mu.Lock()
		arrived := p.arrived
		p.mu.Unlock()
		for _, r := range p.Requests() {
			if match.matches(r, r.Header) {
				return r, nil
			}
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return Request{}, fmt.Errorf("waiting for a request to the S3 proxy: %w", context.Cause(ctx))
		}
	}
}
