// Package s3proxy stands between an S3 client and a real S3 server, records every request by the
// name of its S3 operation, and breaks the ones it is told to.
//
// It forwards a request byte for byte and with the Host header that the client signed, so the
// signature stays good and the server needs no configuration. URLs must be path-style.
//
//	proxy, err := s3proxy.Start(server.Endpoint, s3proxy.Options{})
//	proxy.AddRule(s3proxy.Rule{
//		Match:  s3proxy.Match{Operation: "PutBucketPolicy"},
//		When:   s3proxy.Nth(1),
//		Action: s3proxy.CutAfter(),
//	})
//
// A client may repeat a request that was cut: net/http does so by itself for a GET or HEAD on a
// reused connection, and the SDK does so for most failures. What it sent is in Requests either way.
//
// To try a fault at every point of an operation, count up until no request is left to break:
//
//	for n := 1; ; n++ {
//		proxy.ClearRules()
//		proxy.Reset()
//		proxy.FailNth(n, s3proxy.CutAfter())
//		// run the operation, then repeat it without the fault and check the outcome
//		if len(proxy.Faulted()) == 0 {
//			break
//		}
//	}
package s3proxy
