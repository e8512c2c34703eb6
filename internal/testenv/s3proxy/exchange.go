package s3proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// peeked is how much of an error document is looked at; S3's are a few hundred bytes.
const peeked = 4 << 10

// exchange is one request on its way through the proxy.
type exchange struct {
	proxy  *Proxy
	w      http.ResponseWriter
	r      *http.Request
	out    *http.Request // what is forwarded
	record *Request      // guarded by proxy.mu
}

// run applies the changes, and then answers by the first action that does, or by the server.
func (x *exchange) run(actions []Action) {
	var serve func(*exchange)
	for _, a := range actions {
		if a.serve != nil {
			if serve == nil {
				serve = a.serve
				x.noteFault(a)
			}
			continue
		}
		done, err := a.change(x)
		if err != nil {
			x.drain()
			x.respondError(http.StatusBadRequest, "ProxyError", fmt.Sprintf("%s: %v", a, err), nil)
			return
		}
		if done {
			x.noteFault(a)
		}
	}
	if serve == nil {
		serve = (*exchange).pass
	}
	serve(x)
}

// pass forwards the request and hands the answer on as it comes.
func (x *exchange) pass() {
	resp, ok := x.forward()
	if !ok {
		return
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body := bufio.NewReaderSize(resp.Body, 64<<10)
	if mayBeError(x.record.Operation, resp.StatusCode) {
		start, _ := body.Peek(peeked) // shorter than asked for, as a rule
		x.noteErrorCode(start)
	}
	copyHeader(x.w.Header(), resp.Header)
	if err := x.stream(resp.StatusCode, body); err != nil {
		x.cut() // the server broke off, and the client must see that it did
	}
}

// stream looks one byte ahead of what it writes, so that End is noted before the client can have
// seen the end.
func (x *exchange) stream(status int, body *bufio.Reader) error {
	buf := make([]byte, 64<<10)
	for first := true; ; first = false {
		n := 0
		_, err := body.Peek(1)
		if err == nil {
			n, _ = body.Read(buf) // an error shows again in the next look
			_, err = body.Peek(1)
		}
		if err != nil {
			x.end(status)
		}
		if first {
			x.w.WriteHeader(status)
		}
		if n > 0 {
			if _, writeErr := x.w.Write(buf[:n]); writeErr != nil {
				return writeErr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// answer is what the server answered, as a whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// fetch forwards the request and reads the whole answer.
func (x *exchange) fetch() (a answer, ok bool) {
	resp, ok := x.forward()
	if !ok {
		return answer{}, false
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		x.cut()
	}
	if mayBeError(x.record.Operation, resp.StatusCode) {
		x.noteErrorCode(body[:min(len(body), peeked)])
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body}, true
}

// forward sends the request to the server. When that fails it answers the client itself.
func (x *exchange) forward() (*http.Response, bool) {
	resp, err := x.proxy.transport.RoundTrip(x.out)
	if err == nil {
		x.proxy.update(x.record, func(r *Request) { r.Upstream = resp.StatusCode })
		return resp, true
	}
	if x.r.Context().Err() != nil {
		x.cut() // nobody waits for an answer
	}
	x.respondError(http.StatusBadGateway, "ProxyUpstreamError", err.Error(), nil)
	return nil, false
}

// cut closes the connection to the client. It does not return.
func (x *exchange) cut() {
	panic(http.ErrAbortHandler)
}

func (x *exchange) drain() { _, _ = io.Copy(io.Discard, x.r.Body) }

func (x *exchange) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-x.r.Context().Done():
	}
}

// end notes what the client is about to be sent.
func (x *exchange) end(status int) {
	x.proxy.update(x.record, func(r *Request) { r.Status, r.End = status, time.Now() })
}

func (x *exchange) noteFault(a Action) {
	x.proxy.update(x.record, func(r *Request) {
		r.Fault = strings.TrimPrefix(r.Fault+"+"+a.name, "+")
	})
}

func (x *exchange) noteErrorCode(body []byte) {
	if code := errorCode(body); code != "" {
		x.proxy.update(x.record, func(r *Request) { r.ErrorCode = code })
	}
}

// mayBeError knows that some operations answer 200 before they have failed.
func mayBeError(operation string, status int) bool {
	switch operation {
	case "CompleteMultipartUpload", "CopyObject", "UploadPartCopy":
		return true
	}
	return status >= http.StatusBadRequest
}

// hopByHop are the headers that concern one connection only.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

func copyHeader(to, from http.Header) {
	for name, values := range from {
		if !slices.Contains(hopByHop, name) {
			to[name] = slices.Clone(values)
		}
	}
}

// countingBody counts what is read of a request's body.
type countingBody struct {
	io.ReadCloser
	x *exchange
}

// Read implements io.Reader.
func (b countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.x.proxy.update(b.x.record, func(r *Request) { r.BodyBytes += int64(n) })
	return n, err
}
