package s3proxy

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Action is what a rule does to a request.
type Action struct {
	name string
	// change prepares the request that will be forwarded; done says whether there was anything to do.
	change func(x *exchange) (done bool, err error)
	// serve takes the place of forwarding and answering.
	serve func(x *exchange)
}

// String returns the name that Request.Fault carries.
func (a Action) String() string { return a.name }

// Respond answers with an S3 error document and does not forward the request.
func Respond(status int, code, message string, header http.Header) Action {
	return Action{name: fmt.Sprintf("Respond %d %s", status, code), serve: func(x *exchange) {
		x.drain()
		x.respondError(status, code, message, header)
	}}
}

// RespondWith answers with a document and does not forward the request: a setting that the server
// behind does not have, or one that is broken.
func RespondWith(status int, document string, header http.Header) Action {
	return Action{name: fmt.Sprintf("RespondWith %d", status), serve: func(x *exchange) {
		x.drain()
		all := http.Header{"Content-Type": {"application/xml"}}
		copyHeader(all, header)
		x.respond(status, "", all, []byte(document))
	}}
}

// Tap shows header and body of a request to see, which may be called by several at once, and then
// forwards it as it was.
func Tap(see func(header http.Header, body []byte)) Action {
	return Action{name: "Tap", change: func(x *exchange) (bool, error) {
		if x.out.Body == nil {
			see(x.r.Header.Clone(), nil)
			return true, nil
		}
		body, err := io.ReadAll(x.out.Body)
		if err != nil {
			return false, err
		}
		see(x.r.Header.Clone(), body)
		x.out.Body = io.NopCloser(bytes.NewReader(body))
		return true, nil
	}}
}

// RespondHTML answers with a web page and does not forward the request, as a captive portal or a
// company's proxy does.
func RespondHTML(status int, page string) Action {
	return Action{name: fmt.Sprintf("RespondHTML %d", status), serve: func(x *exchange) {
		x.drain()
		x.respond(status, "", http.Header{"Content-Type": {"text/html; charset=utf-8"}}, []byte(page))
	}}
}

// CutBefore closes the connection without forwarding the request: it never happened.
func CutBefore() Action {
	return Action{name: "CutBefore", serve: func(x *exchange) { x.cut() }}
}

// CutAfter lets the server carry the request out and closes the connection without an answer: it
// happened, and the client cannot know.
func CutAfter() Action {
	return Action{name: "CutAfter", serve: func(x *exchange) {
		if _, ok := x.fetch(); ok {
			x.cut()
		}
	}}
}

// CutMiddle answers with the first half of the body and closes the connection. Of an answer that
// has no body the client sees nothing.
func CutMiddle() Action {
	return Action{name: "CutMiddle", serve: func(x *exchange) {
		a, ok := x.fetch()
		if !ok {
			return
		}
		if len(a.body) == 0 {
			x.cut()
		}
		copyHeader(x.w.Header(), a.header)
		x.w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		x.end(a.status)
		x.w.WriteHeader(a.status)
		_, _ = x.w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(x.w).Flush()
		x.cut()
	}}
}

// Hang neither forwards nor answers until the client gives up or the proxy is closed.
func Hang() Action {
	return Action{name: "Hang", serve: func(x *exchange) {
		x.drain() // the end of the connection shows only once the body is read
		<-x.r.Context().Done()
		x.cut()
	}}
}

// Latency delays the request and then lets it go on.
func Latency(d time.Duration) Action {
	return Action{name: "Latency " + d.String(), change: func(x *exchange) (bool, error) {
		x.sleep(d)
		return true, nil
	}}
}

// StripHeader takes a header away before the request is forwarded: without If-None-Match the server
// behaves as one that ignores it. A header that the client signed needs the proxy to sign again, so
// the proxy must know the credentials.
func StripHeader(name string) Action {
	return Action{name: "StripHeader " + name, change: func(x *exchange) (bool, error) {
		return x.stripHeader(name)
	}}
}

// errorDocument is what S3 servers answer with.
type errorDocument struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	Resource  string
	RequestID string `xml:"RequestId"`
}

func (x *exchange) respondError(status int, code, message string, header http.Header) {
	body, err := xml.Marshal(errorDocument{
		Code: code, Message: message, Resource: x.r.URL.Path, RequestID: "s3proxy",
	})
	if err != nil { // the message cannot be expressed in XML
		body = []byte("<Error><Code>InternalError</Code></Error>")
	}
	all := http.Header{"Content-Type": {"application/xml"}}
	copyHeader(all, header)
	x.respond(status, code, all, append([]byte(xml.Header), body...))
}

func (x *exchange) respond(status int, code string, header http.Header, body []byte) {
	copyHeader(x.w.Header(), header)
	x.proxy.update(x.record, func(r *Request) { r.ErrorCode = code })
	x.end(status)
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		_, _ = io.Copy(x.w, bytes.NewReader(body))
	}
}
