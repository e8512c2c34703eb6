package sdkgen

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"sync"
)

// logoScheme makes the generator for .NET, which downloads a picture, take a blank one from here.
const logoScheme = "blank-logo"

var registerLogo = sync.OnceValue(func() error {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return fmt.Errorf("the default HTTP transport is a %T", http.DefaultTransport)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewNRGBA(image.Rect(0, 0, 64, 64))); err != nil {
		return err
	}
	transport.RegisterProtocol(logoScheme, blankLogo(picture.Bytes()))
	return nil
})

type blankLogo []byte

// RoundTrip implements http.RoundTripper.
func (b blankLogo) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Request: req, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(b)), ContentLength: int64(len(b)),
	}, nil
}
