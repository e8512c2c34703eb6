package dynamolock

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/smithy-go/middleware"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease/leasetest"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/awslocal"
)

// leaseTable makes a table for leases.
func leaseTable(t *testing.T, server *awslocal.Server) string {
	t.Helper()
	name := testenv.BucketName(t)
	_, err := newClient(t, configFor(server)).CreateTable(t.Context(), Spec{Table: name, Optional: everything()})
	must(t, err)
	return name
}

func leases(t *testing.T, client *Client, table string) *LeaseStore {
	t.Helper()
	s, err := client.Leases(LeaseOptions{Table: table, Poll: 50 * time.Millisecond})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func TestLeaseStore(t *testing.T) {
	onEach(t, func(t *testing.T, server *awslocal.Server) {
		table := leaseTable(t, server)
		leasetest.Run(t, leasetest.Target{
			Open:      func(t *testing.T) lease.Store { return leases(t, newClient(t, configFor(server)), table) },
			Short:     2 * time.Second,
			Unordered: true,
		})
	})
}

// A machine whose clock is wrong makes no difference: nothing of a lease is read from it. What the
// service says of the time is believed at most and at least, never in between.
func TestClockBounds(t *testing.T) {
	var c clock
	if _, _, known := c.bounds(); known {
		t.Error("the time is known before anybody has said it")
	}
	var answer middleware.Metadata
	c.hear(time.Now(), answer)
	if _, _, known := c.bounds(); known {
		t.Error("the time is known from an answer without a date")
	}
	s := leases(t, onDynalite(t), leaseTable(t, testenv.Dynalite(t)))
	for range 5 {
		_, err := s.List(t.Context())
		must(t, err)
		lower, upper, known := s.clock.bounds()
		now := time.Now() // the server is on this machine
		if !known || lower.After(now) || upper.Before(now.Add(-time.Millisecond)) || upper.Before(lower) {
			t.Errorf("it is %s, and the bounds are %s and %s", now, lower, upper)
		}
		time.Sleep(300 * time.Millisecond)
	}
	lower, upper, _ := s.clock.bounds()
	if upper.Sub(lower) > 2*dateResolution {
		t.Errorf("after several answers the time is known to %s", upper.Sub(lower))
	}
}

// A machine that stood still for an hour renews first: the lease lasts as long as its holder takes it
// to, though what is known of the service's clock is an hour old. The wall clock tells of a sleep, and
// nothing does of a virtual machine that was stopped.
func TestRenewAfterStandstill(t *testing.T) {
	const still = time.Hour
	for name, stop := range map[string]func(*clock){
		"sleep": func(c *clock) {
			c.wall, c.lower, c.upper = c.wall.Add(-still), c.lower.Add(-still), c.upper.Add(-still)
		},
		"stopped machine": func(c *clock) { c.lower, c.upper = c.lower.Add(-still), c.upper.Add(-still) },
	} {
		t.Run(name, func(t *testing.T) {
			client, table := onDynalite(t), leaseTable(t, testenv.Dynalite(t))
			s, other := leases(t, client, table), leases(t, client, table)
			g, err := s.Acquire(t.Context(), lease.Request{Name: "dev", Duration: time.Minute, Info: lease.Info{Who: "anna"}}, lease.Wait{})
			must(t, err)
			stop(&s.clock)
			g, err = s.Renew(t.Context(), g)
			must(t, err)
			held, err := other.List(t.Context())
			must(t, err)
			if len(held) != 1 || held[0].Expires.Before(time.Now().Add(time.Until(g.Deadline()))) { // the server is on this machine
				t.Errorf("its holder counts on another %s, and the table shows %+v", time.Until(g.Deadline()), held)
			}
			if _, err := other.Acquire(t.Context(), lease.Request{Name: "dev"}, lease.Wait{}); !errors.Is(err, lease.ErrHeld) {
				t.Errorf("another has it as well: %v", err)
			}
		})
	}
}

// The fence goes on where it stopped, also after a lease was given back, and a state's own lock in
// the same table is nobody's lease.
func TestLeasesBesideToolLocks(t *testing.T) {
	client, table := onDynalite(t), leaseTable(t, testenv.Dynalite(t))
	_, err := client.API().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: map[string]types.AttributeValue{
		AttrLockID: stringOf("bucket/infra"), AttrInfo: stringOf(`{"ID":"x"}`),
	}})
	must(t, err)
	s := leases(t, client, table)
	r := lease.Request{Name: "bucket/infra", Info: lease.Info{Who: "anna"}}
	for want := int64(1); want <= 3; want++ {
		g, err := s.Acquire(t.Context(), r, lease.Wait{})
		must(t, err)
		if g.Fence != want {
			t.Errorf("fence %d, want %d", g.Fence, want)
		}
		live, err := client.LiveLocks(t.Context(), table)
		must(t, err)
		if len(live) != 2 {
			t.Errorf("live locks %v", live)
		}
		must(t, s.Release(context.WithoutCancel(t.Context()), g))
	}
	held, err := s.List(t.Context())
	must(t, err)
	if len(held) != 0 {
		t.Errorf("listed %+v", held)
	}
}
