package testenv

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
)

// process is what lasts as long as this test process.
var process lifetime

// Main runs the tests of a package and then stops everything that they shared. It ends the process,
// with a failure if something could not be stopped.
func Main(m *testing.M) {
	os.Exit(Run(m.Run))
}

// Run is Main for a TestMain that has more to do: it calls run, stops everything, and returns the
// code to exit with.
func Run(run func() int) int {
	code, err := process.run(run)
	if err != nil {
		fmt.Fprintf(os.Stderr, "testenv: cleaning up after the tests: %v\n", err)
		return max(code, 1)
	}
	return code
}

// lifetime collects what has to be undone at the end of a run.
type lifetime struct {
	mu      sync.Mutex
	running bool
	stops   []func() error
}

func (l *lifetime) run(run func() int) (code int, err error) {
	l.mu.Lock()
	l.running = true
	l.mu.Unlock()

	code = run()

	l.mu.Lock()
	stops := l.stops
	l.running, l.stops = false, nil
	l.mu.Unlock()
	var errs []error
	for _, stop := range slices.Backward(stops) { // what was made last may use what was made first
		errs = append(errs, stop())
	}
	return code, errors.Join(errs...)
}

func (l *lifetime) atEnd(stop func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stops = append(l.stops, stop)
}

// require fails a test whose package would leave servers and folders behind.
func (l *lifetime) require(tb testing.TB) {
	tb.Helper()
	l.mu.Lock()
	running := l.running
	l.mu.Unlock()
	if !running {
		tb.Fatal("testenv: this package needs `func TestMain(m *testing.M) { testenv.Main(m) }`, or what its tests share is never stopped")
	}
}

// shared is something that is made once per process and handed to every test that asks. When it
// cannot be made, every test that asks fails with the same reason.
type shared[T any] struct {
	once  sync.Once
	value T
	err   error
}

func (s *shared[T]) get(tb testing.TB, what string, create func() (T, error)) T {
	tb.Helper()
	process.require(tb)
	s.once.Do(func() { s.value, s.err = create() })
	if s.err != nil {
		tb.Fatalf("testenv: %s: %v", what, s.err)
	}
	return s.value
}

// lasting keeps a server until all tests of the process have ended. It is started without the test's
// own context, since it belongs to all of them.
func lasting[S interface{ Stop() error }](server S, err error) (S, error) {
	if err == nil {
		process.atEnd(server.Stop)
	}
	return server, err
}

// forTest stops what was started for one test when that test ends.
func forTest[S any](tb testing.TB, started S, err error, stop func(S) error) S {
	tb.Helper()
	if err != nil {
		tb.Fatalf("testenv: %v", err)
	}
	tb.Cleanup(func() {
		if err := stop(started); err != nil {
			tb.Errorf("testenv: %v", err)
		}
	})
	return started
}
