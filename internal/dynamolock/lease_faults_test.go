package dynamolock

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease/leasetest"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/awslocal"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tcpproxy"
)

// faultTime bounds a test of faults, far above what it needs.
const faultTime = time.Minute

// behind is a store that reaches its table by another address, and one that sees what really is.
func behind(t *testing.T, server *awslocal.Server, endpoint func(upstream string) string, opts LeaseOptions) (far, direct *LeaseStore) {
	t.Helper()
	table := leaseTable(t, server)
	cfg := configFor(server)
	cfg.Endpoint = endpoint(cfg.Endpoint)
	opts.Table, opts.Poll = table, 50*time.Millisecond
	far, err := newClient(t, cfg).Leases(opts)
	must(t, err)
	return far, leases(t, newClient(t, configFor(server)), table)
}

func hostOf(t *testing.T, endpoint string) string {
	t.Helper()
	u, err := url.Parse(endpoint)
	must(t, err)
	return u.Host
}

func ask(who string) lease.Request {
	return lease.Request{Name: "dev", Duration: 5 * time.Minute, Info: lease.Info{Who: who}}
}

// Every request of every operation is lost on its way, or its answer is, and the caller notices
// nothing: what may have been done is found again.
func TestLeasesOverLostAnswers(t *testing.T) {
	t.Parallel()
	onEach(t, overLostAnswers)
}

func overLostAnswers(t *testing.T, server *awslocal.Server) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*faultTime)
	defer cancel()
	var proxy *tcpproxy.Proxy
	cut, direct := behind(t, server, func(upstream string) string {
		proxy = testenv.TCPProxy(t, hostOf(t, upstream))
		return "http://" + proxy.Addr()
	}, LeaseOptions{})
	take := func(t *testing.T, s *LeaseStore, who string) lease.Grant {
		t.Helper()
		grant, err := s.Acquire(ctx, ask(who), lease.Wait{})
		must(t, err)
		return grant
	}
	held := func(t *testing.T) []lease.Held {
		t.Helper()
		all, err := direct.List(ctx)
		must(t, err)
		return all
	}
	operations := map[string]func(t *testing.T){
		"acquire": func(t *testing.T) {
			grant := take(t, cut, "anna")
			if all := held(t); len(all) != 1 || all[0].Fence != grant.Fence || all[0].Info.ID != grant.Info.ID {
				t.Errorf("granted %+v, the table shows %+v", grant, all)
			}
			must(t, direct.Release(ctx, grant))
		},
		"renew": func(t *testing.T) {
			grant := take(t, direct, "anna")
			renewed, err := cut.Renew(ctx, grant)
			must(t, err)
			if renewed.Fence != grant.Fence || !renewed.Deadline().After(grant.Deadline()) {
				t.Errorf("renewed %+v to %+v", grant, renewed)
			}
			must(t, direct.Release(ctx, renewed))
		},
		"release": func(t *testing.T) { must(t, cut.Release(ctx, take(t, direct, "anna"))) },
		"break": func(t *testing.T) {
			take(t, direct, "anna")
			must(t, cut.Break(ctx, held(t)[0], true))
		},
		"wait": func(t *testing.T) {
			first := take(t, direct, "anna")
			waits := make(chan lease.Held, 10)
			time.AfterFunc(200*time.Millisecond, func() { _ = direct.Release(ctx, first) })
			grant, err := cut.Acquire(ctx, ask("bert"), lease.Wait{Timeout: faultTime, OnWait: func(h lease.Held) { waits <- h }})
			must(t, err)
			if h := <-waits; h.Info.Who != "anna" || len(waits) > 0 || grant.Fence <= first.Fence {
				t.Errorf("it waited for %+v and %d more, and got %+v", h, len(waits), grant)
			}
			must(t, direct.Release(ctx, grant))
		},
	}
	// Of the requests that a waiter sends to look, the first few will do.
	const requests = 5
	for name, operation := range operations {
		for when, arm := range map[string]func(*tcpproxy.Proxy, int){"before": (*tcpproxy.Proxy).CutBefore, "after": (*tcpproxy.Proxy).CutAfter} {
			t.Run(name+" "+when, func(t *testing.T) {
				for n := 1; n <= requests; n++ {
					proxy.Reset()
					arm(proxy, n)
					operation(t)
					fired := proxy.Fired()
					proxy.Reset()
					if all := held(t); len(all) > 0 {
						t.Fatalf("lost answer %d leaves %+v", n, all)
					}
					if !fired {
						if n == 1 {
							t.Error("nothing was lost")
						}
						return
					}
				}
			})
		}
	}
}

// A break whose answer is lost says no more than what it did.
func TestBreakOverLostAnswer(t *testing.T) {
	t.Parallel()
	onEach(t, breakOverLostAnswer)
}

func breakOverLostAnswer(t *testing.T, server *awslocal.Server) {
	var proxy *tcpproxy.Proxy
	cut, direct := behind(t, server, func(upstream string) string {
		proxy = testenv.TCPProxy(t, hostOf(t, upstream))
		return "http://" + proxy.Addr()
	}, LeaseOptions{})
	leasetest.BreakOverLostAnswer(t, cut, direct, proxy, 2) // it looks first
}

// A lease is given back over an answer that is lost. Where somebody broke it meanwhile, that is told.
func TestReleaseOverLostAnswer(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, server *awslocal.Server) {
		var proxy *tcpproxy.Proxy
		cut, direct := behind(t, server, func(upstream string) string {
			proxy = testenv.TCPProxy(t, hostOf(t, upstream))
			return "http://" + proxy.Addr()
		}, LeaseOptions{})
		before, after := (*tcpproxy.Proxy).CutBefore, (*tcpproxy.Proxy).CutAfter
		nothing := func() error { return nil }
		for name, c := range map[string]struct {
			lose      func(*tcpproxy.Proxy, int)
			meanwhile func() error
			want      error
		}{
			"given back":  {after, nothing, nil},
			"not arrived": {before, nothing, nil},
			"given back, and another has it": {after, func() error {
				g, err := direct.Acquire(t.Context(), ask("bert"), lease.Wait{})
				return errors.Join(err, direct.Release(t.Context(), g))
			}, nil},
			"broken": {before, func() error {
				held, err := direct.List(t.Context())
				return errors.Join(err, direct.Break(t.Context(), held[0], true))
			}, lease.ErrLost},
		} {
			t.Run(name, func(t *testing.T) {
				grant, err := direct.Acquire(t.Context(), ask("anna"), lease.Wait{})
				must(t, err)
				_, err = cut.List(t.Context()) // so that it is connected
				must(t, err)
				proxy.Reset()
				c.lose(proxy, 1)
				proxy.StallAt(2)
				done := make(chan error, 1)
				go func() { done <- cut.Release(t.Context(), grant) }()
				for end := time.Now().Add(faultTime); proxy.Turns() < 2; time.Sleep(5 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatal("it does not ask again")
					}
				}
				must(t, c.meanwhile())
				proxy.Resume()
				if err := leasetest.Receive(t, done, "Release ends"); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				proxy.Reset()
			})
		}
	})
}

// slowWrite is a way on which the first write is long under way: it arrives when it is let go, also
// when nobody waits for it any more.
type slowWrite struct {
	began, gate, done chan struct{}
	first             chan struct{} // holds one token, for the first write
	next              http.Handler
}

func newSlowWrite(t *testing.T, upstream string) *slowWrite {
	t.Helper()
	u, err := url.Parse(upstream)
	must(t, err)
	s := &slowWrite{
		began: make(chan struct{}), gate: make(chan struct{}), done: make(chan struct{}), first: make(chan struct{}, 1),
		next: httputil.NewSingleHostReverseProxy(u),
	}
	s.first <- struct{}{}
	return s
}

func (s *slowWrite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".UpdateItem") {
		select {
		case <-s.first:
			body := r.Clone(context.WithoutCancel(r.Context()))
			close(s.began)
			<-s.gate
			s.next.ServeHTTP(httptest.NewRecorder(), body)
			close(s.done)
			panic(http.ErrAbortHandler) // and its answer is lost
		default:
		}
	}
	s.next.ServeHTTP(w, r)
}

func (s *slowWrite) wait(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(faultTime):
		t.Fatalf("waited %s for: %s", faultTime, what)
	}
}

// A write that arrives after its sender has given up takes no lease, which nobody would hold; nor
// does one that arrives when the sender has got the lease by another.
func TestWriteThatArrivesLate(t *testing.T) {
	t.Parallel()
	onEach(t, lateWrite)
}

func lateWrite(t *testing.T, server *awslocal.Server) {
	for name, giveUp := range map[string]bool{"given up": true, "tried again": false} {
		for _, used := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				var way *slowWrite
				far, direct := behind(t, server, func(upstream string) string {
					way = newSlowWrite(t, upstream)
					server := httptest.NewServer(way)
					t.Cleanup(server.Close)
					return server.URL
				}, LeaseOptions{Attempt: 300 * time.Millisecond})
				ctx, cancel := context.WithTimeout(t.Context(), faultTime)
				defer cancel()
				fence := int64(0)
				if used { // the lock was somebody's before
					grant, err := direct.Acquire(ctx, ask("bert"), lease.Wait{})
					must(t, err)
					must(t, direct.Release(ctx, grant))
					fence = grant.Fence
				}
				asking, stop := context.WithCancel(ctx)
				defer stop()
				type answer struct {
					grant lease.Grant
					err   error
				}
				answered := make(chan answer, 1)
				go func() {
					grant, err := far.Acquire(asking, ask("anna"), lease.Wait{})
					answered <- answer{grant, err}
				}()
				way.wait(t, way.began, "the write is sent")
				if giveUp {
					stop()
				}
				got := <-answered // bounded by ctx
				close(way.gate)
				way.wait(t, way.done, "the write arrives")
				all, err := direct.List(ctx)
				must(t, err)
				if giveUp {
					if !errors.Is(got.err, context.Canceled) || len(all) > 0 {
						t.Errorf("got %v, and the table shows %+v", got.err, all)
					}
					return
				}
				must(t, got.err)
				if len(all) != 1 || all[0].Fence != got.grant.Fence || got.grant.Fence <= fence {
					t.Errorf("granted %+v, the table shows %+v", got.grant, all)
				}
				must(t, far.Release(ctx, got.grant))
			})
		}
	}
}

// A holder that renews what had ended keeps it, whoever gives up meanwhile.
func TestAbandonSparesTheHolder(t *testing.T) {
	t.Parallel()
	s := leases(t, onDynalite(t), leaseTable(t, testenv.Dynalite(t)))
	grant, err := s.Acquire(t.Context(), ask("anna"), lease.Wait{})
	must(t, err)
	q, err := newRequest(ask("bert"))
	must(t, err)
	q.unsure, q.first, q.seen = true, time.Now(), grant.Fence
	s.abandon(t.Context(), q)
	grant, err = s.Renew(t.Context(), grant)
	must(t, err)
	must(t, s.Release(t.Context(), grant))
}

// Answers that say to come back later are no reason to give up a lease.
func TestThrottledWrites(t *testing.T) {
	t.Parallel()
	server := testenv.Dynalite(t)
	for name, answer := range map[string]struct {
		status int
		code   string
	}{"throttled": {400, "ThrottlingException"}, "broken": {500, "InternalServerError"}, "cut off": {200, ""}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuse := make(chan struct{}, 10)
			far, direct := behind(t, server, func(upstream string) string {
				u, err := url.Parse(upstream)
				must(t, err)
				next := httputil.NewSingleHostReverseProxy(u)
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".UpdateItem") {
						select {
						case <-refuse:
							if answer.code == "" {
								w.Header().Set("Content-Length", "1000") // and less comes
							}
							w.WriteHeader(answer.status)
							_, _ = w.Write([]byte(`{"__type":"com.amazonaws.dynamodb#` + answer.code + `","message":"slow down"}`))
							return
						default:
						}
					}
					next.ServeHTTP(w, r)
				}))
				t.Cleanup(server.Close)
				return server.URL
			}, LeaseOptions{})
			ctx, cancel := context.WithTimeout(t.Context(), faultTime)
			defer cancel()
			twice := func() { refuse <- struct{}{}; refuse <- struct{}{} }
			twice()
			grant, err := far.Acquire(ctx, ask("anna"), lease.Wait{})
			must(t, err)
			twice()
			grant, err = far.Renew(ctx, grant)
			must(t, err)
			twice()
			must(t, far.Release(ctx, grant))
			out, err := direct.client.API().GetItem(ctx, &dynamodb.GetItemInput{
				TableName: &direct.opts.Table, Key: map[string]types.AttributeValue{AttrLockID: stringOf(LeasePrefix + "dev")},
			})
			must(t, err)
			if _, taken := out.Item[AttrExpires]; taken || len(refuse) > 0 {
				t.Errorf("after the release the table holds %v, %d refusals were not asked for", out.Item, len(refuse))
			}
			// What was not carried out has not given back what somebody broke.
			grant, err = far.Acquire(ctx, ask("anna"), lease.Wait{})
			must(t, err)
			held, err := direct.List(ctx)
			must(t, err)
			must(t, direct.Break(ctx, held[0], true))
			twice()
			if err := far.Release(ctx, grant); !errors.Is(err, lease.ErrLost) {
				t.Errorf("released a lease that was broken: %v", err)
			}
		})
	}
}
