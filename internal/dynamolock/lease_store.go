package dynamolock

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// Further attributes of a lease.
const (
	// AttrName is the lease's whole name.
	AttrName = "Name"
	// AttrAcquired is when it was taken: Unix time in milliseconds.
	AttrAcquired = "Acquired"
	// AttrDuration is how long it lasts without being renewed: milliseconds.
	AttrDuration = "Duration"
	// AttrToken tells one try to take a lease from any other, also of the same holder.
	AttrToken = "Token"
	// AttrBroken tells which call of Break was the last to remove a lease of this name.
	AttrBroken = "Broken"
	// AttrReleased tells which call of Release was the last to give a lease of this name back.
	AttrReleased = "Released"
)

// LeaseOptions say how leases are taken in a lock table. The zero value is right for nearly everybody.
type LeaseOptions struct {
	Table string
	// Poll is how often a waiter looks, up to a half more or less by chance; 1 s if zero. DynamoDB
	// tells nobody when a lease is free.
	Poll time.Duration
	// Attempt bounds one look at a lease, and one write, after which it is sent again or looked for; 10 s
	// if zero.
	Attempt time.Duration
	// Patience is how long a call goes on over answers that are lost where nothing else bounds it; 5 s
	// if zero.
	Patience time.Duration
}

// LeaseStore hands out the leases of one lock table. It implements lease.Store.
//
// Every step is one conditional write, so that of many who want a lease one gets it, and the fence
// counts in the same write. A lease ends by the clock of the service, which its answers tell to the
// second: a holder counts from before it sent its request, writes down the latest time at which the
// lease can end by that clock, and whoever waits takes it when even the earliest time that the clock
// can show is past that. So a lease is free up to about a second and a half later than its duration
// says, and never earlier; the clocks of the machines do not matter. Different servers of DynamoDB
// are taken to agree with each other, as AWS keeps them.
//
// Those who wait are served in no order: there is no queue, and Held.Waiting stays 0.
type LeaseStore struct {
	client *Client
	opts   LeaseOptions
	clock  clock
}

var _ lease.Store = (*LeaseStore)(nil)

// Leases hands out the leases of a table, which has to exist.
func (c *Client) Leases(opts LeaseOptions) (*LeaseStore, error) {
	if err := CheckName(opts.Table); err != nil {
		return nil, err
	}
	for d, standard := range map[*time.Duration]time.Duration{&opts.Poll: time.Second, &opts.Attempt: 10 * time.Second, &opts.Patience: 5 * time.Second} {
		if *d <= 0 {
			*d = standard
		}
	}
	return &LeaseStore{client: c, opts: opts}, nil
}

// Close implements lease.Store; there is nothing to release.
func (s *LeaseStore) Close() error { return nil }

// maxLeaseName leaves room for the prefix in a key of at most 2048 bytes.
const maxLeaseName = 1024

// leaseID is the LockID of a lease; a name that is too long for a key is hashed.
func leaseID(name string) (string, error) {
	switch {
	case name == "":
		return "", errors.New("a lock needs a name")
	case !utf8.ValidString(name):
		return "", fmt.Errorf("the name of a lock has to be UTF-8, which %q is not", name)
	case len(name) > maxLeaseName:
		sum := sha256.Sum256([]byte(name))
		return LeasePrefix + "sha256:" + hex.EncodeToString(sum[:]), nil
	}
	return LeasePrefix + name, nil
}

func stringOf(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func numberOf(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// intOf reads a number, and tells whether there is one.
func intOf(item map[string]types.AttributeValue, name string) (int64, bool) {
	number, ok := item[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(number.Value, 10, 64)
	return n, err == nil
}

// read gets the item of a lease; nil where there is none.
func (s *LeaseStore) read(ctx context.Context, id string) (map[string]types.AttributeValue, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Attempt)
	defer cancel()
	sent := time.Now()
	out, err := s.client.api.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.opts.Table, Key: map[string]types.AttributeValue{AttrLockID: stringOf(id)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, s.client.wrap("GetItem", s.opts.Table, err)
	}
	s.clock.hear(sent, out.ResultMetadata)
	return out.Item, nil
}

// held reads a lease that somebody holds; it is false for one that nobody does.
func (s *LeaseStore) held(item map[string]types.AttributeValue) (lease.Held, bool) {
	id := textOf(item, AttrLockID)
	if _, taken := item[AttrExpires]; !taken || !strings.HasPrefix(id, LeasePrefix) {
		return lease.Held{}, false
	}
	h := lease.Held{Name: cmp.Or(textOf(item, AttrName), strings.TrimPrefix(id, LeasePrefix)), Data: textOf(item, AttrInfo)}
	h.Info, _ = lease.Decode(h.Data)
	h.Fence, _ = intOf(item, AttrFence)
	if acquired, ok := intOf(item, AttrAcquired); ok {
		h.Acquired = time.UnixMilli(acquired).UTC()
	}
	expires, ok := intOf(item, AttrExpires)
	if !ok {
		h.Endless = true // somebody else has written there
		return h, true
	}
	h.Expires = time.UnixMilli(expires).UTC()
	lower, _, known := s.clock.bounds()
	if !known {
		lower = time.Now() // an answer without a date, which DynamoDB does not give
	}
	h.Left = h.Expires.Sub(lower)
	if duration, ok := intOf(item, AttrDuration); ok {
		// The end that stands there is the latest possible one, so that more could seem to be left.
		h.Left = min(h.Left, time.Duration(duration)*time.Millisecond)
	}
	return h, true
}

// List implements lease.Store.
func (s *LeaseStore) List(ctx context.Context) ([]lease.Held, error) {
	pages := dynamodb.NewScanPaginator(s.client.api, &dynamodb.ScanInput{
		TableName: &s.opts.Table, ConsistentRead: aws.Bool(true),
		FilterExpression:          aws.String("begins_with(#id, :prefix) AND attribute_exists(#expires)"),
		ExpressionAttributeNames:  map[string]string{"#id": AttrLockID, "#expires": AttrExpires},
		ExpressionAttributeValues: map[string]types.AttributeValue{":prefix": stringOf(LeasePrefix)},
	})
	var all []lease.Held
	for pages.HasMorePages() {
		sent := time.Now()
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, s.client.wrap("Scan", s.opts.Table, err)
		}
		s.clock.hear(sent, page.ResultMetadata)
		for _, item := range page.Items {
			if h, ok := s.held(item); ok {
				all = append(all, h)
			}
		}
	}
	slices.SortFunc(all, func(a, b lease.Held) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}
