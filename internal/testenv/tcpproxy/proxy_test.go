package tcpproxy

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// server answers every line with the same line in capitals, and keeps what it was told.
type server struct {
	listener net.Listener

	mu    sync.Mutex
	lines []string
}

func newServer(t *testing.T) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{listener: listener}
	var workers sync.WaitGroup
	workers.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			workers.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		workers.Wait()
	})
	return s
}

func (s *server) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // a test server
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		s.mu.Lock()
		s.lines = append(s.lines, lines.Text())
		s.mu.Unlock()
		if _, err := fmt.Fprintln(conn, strings.ToUpper(lines.Text())); err != nil {
			return
		}
	}
}

func (s *server) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

func startProxy(t *testing.T, s *server) *Proxy {
	t.Helper()
	p, err := Start(Options{Upstream: s.listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// talk says lines one by one and returns the answers until the connection ends.
func talk(t *testing.T, p *Proxy, lines ...string) []string {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // a test client
	answers := bufio.NewReader(conn)
	var got []string
	for _, line := range lines {
		if _, err := fmt.Fprintln(conn, line); err != nil {
			break
		}
		answer, err := answers.ReadString('\n')
		if err != nil {
			break
		}
		got = append(got, strings.TrimSpace(answer))
	}
	return got
}

func TestCuts(t *testing.T) {
	tests := map[string]struct {
		arm           func(*Proxy)
		answers, told []string
		fired         bool
	}{
		"none":            {arm: func(*Proxy) {}, answers: []string{"A", "B", "C"}, told: []string{"a", "b", "c"}},
		"before the 1st":  {arm: func(p *Proxy) { p.CutBefore(1) }, fired: true},
		"before the 2nd":  {arm: func(p *Proxy) { p.CutBefore(2) }, answers: []string{"A"}, told: []string{"a"}, fired: true},
		"after the 2nd":   {arm: func(p *Proxy) { p.CutAfter(2) }, answers: []string{"A"}, told: []string{"a", "b"}, fired: true},
		"after the 3rd":   {arm: func(p *Proxy) { p.CutAfter(3) }, answers: []string{"A", "B"}, told: []string{"a", "b", "c"}, fired: true},
		"after a 4th":     {arm: func(p *Proxy) { p.CutAfter(4) }, answers: []string{"A", "B", "C"}, told: []string{"a", "b", "c"}},
		"taken back":      {arm: func(p *Proxy) { p.CutBefore(1); p.Reset() }, answers: []string{"A", "B", "C"}, told: []string{"a", "b", "c"}},
		"with a slow way": {arm: func(p *Proxy) { p.SetLatency(time.Millisecond); p.CutAfter(1) }, told: []string{"a"}, fired: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			p := startProxy(t, s)
			tc.arm(p)
			if got := talk(t, p, "a", "b", "c"); !slices.Equal(got, tc.answers) {
				t.Errorf("answers %v, want %v", got, tc.answers)
			}
			if got := s.told(); !slices.Equal(got, tc.told) {
				t.Errorf("the server was told %v, want %v", got, tc.told)
			}
			if p.Fired() != tc.fired {
				t.Errorf("fired is %v, want %v", p.Fired(), tc.fired)
			}
		})
	}
}

func TestTurnsAreCountedOverConnections(t *testing.T) {
	s := newServer(t)
	p := startProxy(t, s)
	talk(t, p, "a", "b")
	p.CutBefore(2)
	if got := talk(t, p, "c"); !slices.Equal(got, []string{"C"}) {
		t.Errorf("got %v", got)
	}
	if got := talk(t, p, "d"); got != nil {
		t.Errorf("got %v past the cut", got)
	}
	if p.Turns() != 4 {
		t.Errorf("%d turns, want 4", p.Turns())
	}
}

func TestStallHoldsBackUntilResume(t *testing.T) {
	s := newServer(t)
	p := startProxy(t, s)
	p.Stall()
	p.Stall()
	answers := make(chan []string)
	go func() { answers <- talk(t, p, "a") }()
	for p.Connections() == 0 { //nolint:revive // until it is connected
	}
	if got := s.told(); len(got) != 0 {
		t.Errorf("the server was told %v", got)
	}
	p.Resume()
	if got := <-answers; !slices.Equal(got, []string{"A"}) {
		t.Errorf("got %v", got)
	}
}

func TestStallAtATurn(t *testing.T) {
	s := newServer(t)
	p := startProxy(t, s)
	p.StallAt(2)
	answers := make(chan []string)
	go func() { answers <- talk(t, p, "a", "b") }()
	for !p.Fired() { //nolint:revive // until the second turn
	}
	if got := s.told(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the server was told %v", got)
	}
	p.Resume()
	if got := <-answers; !slices.Equal(got, []string{"A", "B"}) {
		t.Errorf("got %v", got)
	}
}

func TestCloseAndCutAllEndConnections(t *testing.T) {
	for name, end := range map[string]func(*Proxy){
		"cut": (*Proxy).CutAll, "close": func(p *Proxy) { _ = p.Close() },
		"close while stalled": func(p *Proxy) { p.Stall(); _ = p.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, newServer(t))
			conn, err := net.Dial("tcp", p.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()         //nolint:errcheck // a test client
			for p.Connections() == 0 { //nolint:revive // until it is connected
			}
			end(p)
			if n, err := conn.Read(make([]byte, 1)); err == nil {
				t.Errorf("read %d bytes", n)
			}
		})
	}
}

func TestServerThatIsDown(t *testing.T) {
	s := newServer(t)
	p := startProxy(t, s)
	_ = s.listener.Close()
	if got := talk(t, p, "a"); got != nil {
		t.Errorf("got %v", got)
	}
	if p.Host() != "127.0.0.1" || p.Port() == 0 {
		t.Errorf("unexpected %s and %d", p.Host(), p.Port())
	}
}
