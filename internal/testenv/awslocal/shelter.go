package awslocal

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
)

// shelter puts a proxy in front of dynalite, which ends with an exception when a client goes away in
// the middle of a request, as one does that is interrupted or whose connection is cut. The proxy
// passes on requests that have come whole, and waits for the answer whether or not anybody else does.
func shelter(endpoint string) *httptest.Server {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true}}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, header, body, err := forward(client, endpoint, r)
		if err != nil {
			panic(http.ErrAbortHandler) // what the client would see without a proxy
		}
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		_, _ = w.Write(body) // the client may be gone
	}))
}

func forward(client *http.Client, endpoint string, r *http.Request) (status int, header http.Header, body []byte, err error) {
	if body, err = io.ReadAll(r.Body); err != nil {
		return 0, nil, nil, err
	}
	out, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, endpoint+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	out.Header, out.Host = r.Header.Clone(), r.Host
	resp, err := client.Do(out) // #nosec G704 -- to the server that was started here
	if err != nil {
		return 0, nil, nil, err
	}
	body, err = io.ReadAll(resp.Body)
	_ = resp.Body.Close() // it was read to its end
	return resp.StatusCode, resp.Header, body, err
}
