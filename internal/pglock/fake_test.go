package pglock

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// fakeServer says a number of times that it is starting, and then that the password is wrong: a
// moment that a real server does not hold still.
type fakeServer struct {
	listener net.Listener
	starting int

	mu    sync.Mutex
	count int
}

func startingServer(t *testing.T, times int) *fakeServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeServer{listener: listener, starting: times}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.answer(conn)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		done.Wait()
	})
	return s
}

func (s *fakeServer) answer(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // a test server
	var length uint32
	if binary.Read(conn, binary.BigEndian, &length) != nil {
		return
	}
	if _, err := io.CopyN(io.Discard, conn, int64(length)-4); err != nil {
		return
	}
	s.mu.Lock()
	s.count++
	code := "57P03"
	if s.count > s.starting {
		code = "28P01"
	}
	s.mu.Unlock()
	data, err := (&pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: "so it is"}).Encode(nil)
	if err == nil {
		_, _ = conn.Write(data)
	}
}

func (s *fakeServer) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

func (s *fakeServer) greeted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}
