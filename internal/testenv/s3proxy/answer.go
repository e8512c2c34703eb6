package s3proxy

import (
	"io"
	"net/http"
)

// Reply is what stands in for the server's answer.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
	// Code and Message make an S3 error document; Body is then unused.
	Code, Message string
}

// longestBody is how much of a request Answer reads; the documents that it is for are far smaller.
const longestBody = 1 << 20

// Answer keeps a request from the server and answers by reply, which gets the record of the request
// and its body. It may be called from several goroutines at once.
func Answer(name string, reply func(r Request, body []byte) Reply) Action {
	return Action{name: name, serve: func(x *exchange) {
		body, err := io.ReadAll(io.LimitReader(x.out.Body, longestBody))
		x.drain()
		if err != nil {
			x.cut()
		}
		r := reply(x.snapshot(), body)
		if r.Code != "" {
			x.respondError(r.Status, r.Code, r.Message, r.Header)
			return
		}
		x.respond(r.Status, "", r.Header, r.Body)
	}}
}

func (x *exchange) snapshot() Request {
	x.proxy.mu.Lock()
	defer x.proxy.mu.Unlock()
	return *x.record
}
