// Package tcpproxy stands between a client and a TCP server, and cuts, stalls or slows what passes.
//
// It knows no protocol. In one where the client asks and the server answers, a turn is what the
// client sends between two answers, so a turn is a statement for PostgreSQL (the first ones are the
// steps of logging in). Turns are counted over all connections since the last reset.
//
//	proxy, err := tcpproxy.Start(tcpproxy.Options{Upstream: server.Addr()})
//	proxy.CutBefore(3) // the third turn never reaches the server
//	proxy.CutAfter(3)  // the server does what the third turn says, and the client never hears of it
//
// To try a fault at every point of an operation, count up until no turn is left to break:
//
//	for n := 1; ; n++ {
//		proxy.Reset()
//		proxy.CutAfter(n)
//		// run the operation, then repeat it without the fault and check the outcome
//		if !proxy.Fired() {
//			break
//		}
//	}
package tcpproxy
