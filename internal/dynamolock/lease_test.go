package dynamolock

import (
	"context"
	"testing"
	"time"

	"github.com/aws/smithy-go/middleware"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease/leasetest"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// leaseTable makes a table for leases.
func leaseTable(t *testing.T) string {
	t.Helper()
	name := testenv.BucketName(t)
	_, err := onDynalite(t).CreateTable(t.Context(), Spec{Table: name, Optional: everything()})
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
	table := leaseTable(t)
	leasetest.Run(t, leasetest.Target{
		Open:      func(t *testing.T) lease.Store { return leases(t, onDynalite(t), table) },
		Short:     2 * time.Second,
		Unordered: true,
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
	s := leases(t, onDynalite(t), leaseTable(t))
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

// The fence goes on where it stopped, also after a lease was given back, and a state's own lock in
// the same table is nobody's lease.
func TestLeasesBesideToolLocks(t *testing.T) {
	client, table := onDynalite(t), leaseTable(t)
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
