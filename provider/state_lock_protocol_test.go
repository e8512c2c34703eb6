package provider

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tcpproxy"
)

const ephemeralLock = "groundwork_state_lock"

func (p *protoProvider) openLock(t *testing.T, set attrs) (*tfprotov6.OpenEphemeralResourceResponse, map[string]tftypes.Value) {
	t.Helper()
	typ := p.schema.EphemeralResourceSchemas[ephemeralLock].ValueType()
	resp, err := p.srv.OpenEphemeralResource(t.Context(), &tfprotov6.OpenEphemeralResourceRequest{
		TypeName: ephemeralLock, Config: p.dynamic(t, typ, p.object(t, typ, set)),
	})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]tftypes.Value{}
	if errorsIn(resp.Diagnostics) == "" {
		if err := p.decode(t, typ, resp.Result).As(&values); err != nil {
			t.Fatal(err)
		}
	}
	return resp, values
}

func (p *protoProvider) renewLock(t *testing.T, private []byte) (time.Time, string) {
	t.Helper()
	resp, err := p.srv.RenewEphemeralResource(t.Context(), &tfprotov6.RenewEphemeralResourceRequest{TypeName: ephemeralLock, Private: private})
	if err != nil {
		t.Fatal(err)
	}
	return resp.RenewAt, errorsIn(resp.Diagnostics)
}

func (p *protoProvider) closeLock(t *testing.T, private []byte) string {
	t.Helper()
	resp, err := p.srv.CloseEphemeralResource(t.Context(), &tfprotov6.CloseEphemeralResourceRequest{TypeName: ephemeralLock, Private: private})
	if err != nil {
		t.Fatal(err)
	}
	return errorsIn(resp.Diagnostics)
}

// lockPlace is a table that ephemeral locks are taken in.
type lockPlace struct {
	config, at attrs
	proxy      *tcpproxy.Proxy
	leases     lease.Store
}

func lockPlaces(t *testing.T) map[string]lockPlace {
	t.Helper()
	server := testenv.Postgres(t)
	role, database, leases := leaseTable(t)
	pgProxy := testenv.TCPProxy(t, server.Addr())
	dynalite, table := testenv.Dynalite(t), testenv.BucketName(t)
	client := tableStore(t, dynalite)
	if _, err := client.CreateTable(t.Context(), dynamolock.Spec{Table: table}); err != nil {
		t.Fatal(err)
	}
	items, err := client.Leases(dynamolock.LeaseOptions{Table: table})
	if err != nil {
		t.Fatal(err)
	}
	dynamoProxy := testenv.TCPProxy(t, strings.TrimPrefix(dynalite.Endpoint, "http://"))
	return map[string]lockPlace{
		"postgres": {
			config: attrs{
				"postgres_host": pgProxy.Host(), "postgres_port": pgProxy.Port(), "postgres_user": role.Name, "postgres_password": role.Password, "postgres_sslmode": "disable",
			},
			at: attrs{"postgres": attrs{"database": database}}, proxy: pgProxy, leases: leases,
		},
		"dynamodb": {
			config: attrs{
				"service": "aws", "region": dynalite.Region, "endpoint": "http://" + dynamoProxy.Addr(), "dynamodb_endpoint": "http://" + dynamoProxy.Addr(),
				"access_key": dynalite.AccessKey, "secret_key": dynalite.SecretKey, "max_retries": 1,
			},
			at: attrs{"dynamodb": attrs{"table": table}}, proxy: dynamoProxy, leases: items,
		},
	}
}

// with are the attributes of a lock in the table.
func (l lockPlace) with(more attrs) attrs {
	out := attrs{"name": "pulumi:shop/dev"}
	for _, from := range []attrs{l.at, more} {
		for name, value := range from {
			out[name] = value
		}
	}
	return out
}

func (l lockPlace) held(t *testing.T) []lease.Held {
	t.Helper()
	held, err := l.leases.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return held
}

// The life of an ephemeral lock in either kind of table, also where the table is away for a while.
func TestEphemeralStateLock(t *testing.T) {
	t.Parallel()
	for name, table := range lockPlaces(t) {
		t.Run(name, func(t *testing.T) {
			p := newProtoProvider(t.Context(), t, table.config, nil)
			began := time.Now()
			open, values := p.openLock(t, table.with(attrs{"lease_seconds": 60}))
			p.fatal(t, open.Diagnostics)
			held := table.held(t)
			if len(held) != 1 || held[0].Name != "pulumi:shop/dev" || held[0].Info.Operation != "ephemeral lock" ||
				!values["id"].Equal(tftypes.NewValue(tftypes.String, held[0].Info.ID)) || !values["fence"].Equal(tftypes.NewValue(tftypes.Number, held[0].Fence)) {
				t.Fatalf("held are %+v, shown %v", held, values)
			}
			if at := open.RenewAt.Sub(began); at <= 0 || at > 40*time.Second {
				t.Errorf("it is to be renewed after %s", at)
			}
			if second, _ := p.openLock(t, table.with(attrs{"timeout_seconds": 0})); !strings.Contains(errorsIn(second.Diagnostics), held[0].Who()) {
				t.Errorf("a second one is told %q", errorsIn(second.Diagnostics))
			}

			// A table that is away is no error: the tools would not renew again.
			table.proxy.Stall()
			at, failed := p.renewLock(t, open.Private)
			table.proxy.Resume()
			if failed != "" || at.IsZero() || time.Until(at) > 10*time.Second {
				t.Errorf("the table hangs: renewed at %s, %s", at, failed)
			}
			if at, failed = p.renewLock(t, open.Private); failed != "" || at.IsZero() {
				t.Errorf("renewed at %s, %s", at, failed)
			}
			if now := table.held(t); len(now) != 1 || !now[0].Expires.After(held[0].Expires) {
				t.Errorf("after it was renewed: %+v", now)
			}
			table.proxy.Reset()
			table.proxy.CutBefore(1)
			if failed := p.closeLock(t, open.Private); failed != "" || !table.proxy.Fired() {
				t.Errorf("over a cut connection: %s", failed)
			}
			if left := table.held(t); len(left) != 0 {
				t.Errorf("left: %+v", left)
			}
		})
	}
}

// A lock that somebody else has had is told when it is renewed and when it is given back, and theirs
// stays.
func TestEphemeralStateLockIsLost(t *testing.T) {
	t.Parallel()
	for name, table := range lockPlaces(t) {
		t.Run(name, func(t *testing.T) {
			p := newProtoProvider(t.Context(), t, table.config, nil)
			open, _ := p.openLock(t, table.with(attrs{"operation": "migrate"}))
			p.fatal(t, open.Diagnostics)
			held := table.held(t)
			if len(held) != 1 || held[0].Info.Operation != "migrate" {
				t.Fatalf("held are %+v", held)
			}
			if err := table.leases.Break(t.Context(), held[0], true); err != nil {
				t.Fatal(err)
			}
			grant, err := table.leases.Acquire(t.Context(), lease.Request{Name: "pulumi:shop/dev", Info: lease.Info{Who: "bert@ci"}}, lease.Wait{})
			if err != nil {
				t.Fatal(err)
			}
			if at, failed := p.renewLock(t, open.Private); !at.IsZero() || !strings.Contains(failed, "bert@ci") {
				t.Errorf("renewed at %s: %s", at, failed)
			}
			if failed := p.closeLock(t, open.Private); !strings.Contains(failed, "Unable to Give Back the Lock") || !strings.Contains(failed, "bert@ci") {
				t.Errorf("given back: %s", failed)
			}
			if now := table.held(t); len(now) != 1 || now[0].Fence != grant.Fence {
				t.Errorf("the other's lock: %+v", now)
			}
		})
	}
}
