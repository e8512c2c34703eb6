package awslocal

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
)

// OneAtATime puts a proxy in front of moto that lets one write in at a time, and returns what closes
// it. moto looks whether an object exists and then writes it, in threads, so that now and then two
// conditional writes win; on AWS one does. The next write waits also where the client of one has gone.
func (s *Server) OneAtATime() (closeProxy func() error, err error) {
	target, err := url.Parse(s.Endpoint)
	if err != nil {
		return nil, err
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	var writes sync.Mutex
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if changes(r) {
			writes.Lock()
			defer writes.Unlock()
			r = r.WithContext(context.WithoutCancel(r.Context()))
		}
		proxy.ServeHTTP(w, r)
	}))
	s.Endpoint = front.URL
	return func() error { front.Close(); return nil }, nil
}

// changes tells that a request writes an object, or an item of DynamoDB.
func changes(r *http.Request) bool {
	target := r.Header.Get("X-Amz-Target")
	for _, call := range []string{".PutItem", ".UpdateItem", ".DeleteItem"} {
		if strings.HasSuffix(target, call) {
			return true
		}
	}
	return r.Method == http.MethodPut
}
