package pglock

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
)

// errTLSNotOffered is the server's "no" to a request for TLS, which pgx reports as plain text.
var errTLSNotOffered = errors.New("the server does not offer TLS")

// sslRequest is the message that asks for TLS.
var sslRequest = []byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}

// watchTLS makes connections whose "no" to TLS is a typed error.
func watchTLS(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watchedConn{Conn: conn}, nil
	}
}

// watchedConn looks at the first message each way.
type watchedConn struct {
	net.Conn

	wrote, read, asked atomic.Bool
}

// Write implements net.Conn.
func (c *watchedConn) Write(p []byte) (int, error) {
	if !c.wrote.Swap(true) {
		c.asked.Store(bytes.Equal(p, sslRequest))
	}
	return c.Conn.Write(p)
}

// Read implements net.Conn.
func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.read.Swap(true) && c.asked.Load() && p[0] == 'N' {
		return 0, errTLSNotOffered
	}
	return n, err
}
