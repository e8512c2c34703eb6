package toollock

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// What the s3 backend writes into its table.
const (
	dynamoKey    = dynamolock.AttrLockID
	dynamoInfo   = dynamolock.AttrInfo
	dynamoDigest = dynamolock.AttrDigest
	// DigestSuffix follows the LockID of a state in that of its digest.
	DigestSuffix = "-md5"
	// dynamoRecord starts the LockID of a record of a broken lock. Bucket names have no colon, so it
	// can be no state's.
	dynamoRecord = dynamolock.BrokenPrefix
)

// DynamoDB is the lock of the s3 backend with dynamodb_table: an item whose LockID is
// <bucket>/<key>, written with the condition that there is none. Beside it, as <bucket>/<key>-md5,
// stands the digest of the state, by which the tools recognise a bucket that answers with an old
// copy.
//
// It protects one state, of one workspace, from runs of Terraform, OpenTofu and groundwork that name
// the same table; on every S3 service, since only the table decides. It does not end: a run that
// dies leaves it behind, and `terraform force-unlock ID` or `groundwork locks break ID --force`
// removes it. Nothing stops the old holder from writing after that. Terraform deprecates it since
// 1.11; OpenTofu does not.
type DynamoDB struct {
	client      *dynamolock.Client
	table, path string
}

// NewDynamoDB is the lock of the state at a key of a bucket, in a table; for the key of a workspace
// see NewLockfile.
func NewDynamoDB(client *dynamolock.Client, table, bucket, stateKey string) *DynamoDB {
	return &DynamoDB{client: client, table: table, path: bucket + "/" + stateKey}
}

// Kind implements Place.
func (d *DynamoDB) Kind() Kind { return KindDynamoDB }

// String implements Place.
func (d *DynamoDB) String() string { return "dynamodb://" + d.table + "/" + d.path }

func (d *DynamoDB) key(suffix string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{dynamoKey: attribute(d.path + suffix)}
}

func attribute(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// textOf reads a string attribute, empty where it is none.
func textOf(item map[string]types.AttributeValue, name string) string {
	if s, ok := item[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func (d *DynamoDB) failed(what, op string, err error) error {
	return fmt.Errorf("%s %s: %w", what, d, d.client.Wrap(op, d.table, err))
}

// Acquire implements Place. The SDK repeats a call whose answer was lost; a refusal by what it wrote
// itself the first time is recognised by its ID.
func (d *DynamoDB) Acquire(ctx context.Context, info lease.Info) (*Grant, error) {
	info = complete(info, d.path)
	data := string(encode(info))
	item := d.key("")
	item[dynamoInfo] = attribute(data)
	_, err := d.client.API().PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &d.table, Item: item, ConditionExpression: aws.String("attribute_not_exists(" + dynamoKey + ")"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var refused *types.ConditionalCheckFailedException
	switch {
	case err == nil:
		return d.grant(data), nil
	case errors.As(err, &refused):
		held, err := d.holder(ctx, refused.Item)
		if err != nil {
			return nil, err
		}
		if held.Data == data {
			return d.grant(data), nil
		}
		return nil, &HeldError{Locks: []Lock{held}}
	}
	if locks, readErr := d.Inspect(context.WithoutCancel(ctx)); readErr == nil && len(locks) == 1 && locks[0].Data == data {
		return d.grant(data), nil
	}
	return nil, d.failed("taking the lock", "PutItem", err)
}

// holder reads who was in the way; emulations do not all answer with the item.
func (d *DynamoDB) holder(ctx context.Context, item map[string]types.AttributeValue) (Lock, error) {
	if len(item) > 0 {
		return d.lock(item), nil
	}
	locks, err := d.Inspect(ctx)
	if err != nil {
		return Lock{}, err
	}
	if len(locks) == 0 {
		return d.lock(nil), nil // it was given back just now: the caller may try again
	}
	return locks[0], nil
}

func (d *DynamoDB) grant(data string) *Grant {
	item := d.key("")
	item[dynamoInfo] = attribute(data)
	l := d.lock(item)
	return &Grant{Lock: l, release: func(ctx context.Context) error {
		_, err := d.remove(ctx, data)
		if errors.Is(err, lease.ErrChanged) {
			return lost(l)
		}
		return err
	}}
}

func (d *DynamoDB) lock(item map[string]types.AttributeValue) Lock {
	l := Lock{Kind: KindDynamoDB, Place: d.String(), Protects: "s3://" + d.path, at: d, version: textOf(item, dynamoInfo)}
	l.decode([]byte(l.version))
	return l
}

// Inspect implements Place.
func (d *DynamoDB) Inspect(ctx context.Context) ([]Lock, error) {
	out, err := d.client.API().GetItem(ctx, &dynamodb.GetItemInput{TableName: &d.table, Key: d.key(""), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, d.failed("reading the lock", "GetItem", err)
	}
	if len(out.Item) == 0 {
		return nil, nil
	}
	return []Lock{d.lock(out.Item)}, nil
}

// Break implements Place.
func (d *DynamoDB) Break(ctx context.Context, seen Lock, by lease.Info) error {
	sure, err := d.remove(ctx, seen.version)
	if err != nil {
		if errors.Is(err, lease.ErrChanged) {
			return changed(seen)
		}
		return err
	}
	r := newRecord(seen, by)
	r.Uncertain = !sure
	_, err = d.client.API().PutItem(ctx, &dynamodb.PutItemInput{TableName: &d.table, Item: map[string]types.AttributeValue{
		dynamoKey: attribute(dynamoRecord + strings.TrimPrefix(r.key(), RecordPrefix)), "Record": attribute(string(r.encode())),
	}})
	return r.result(d.client.Wrap("PutItem", d.table, err))
}

// remove deletes the item in one conditional call: no other lock can be hit. The SDK does not repeat
// it, since a second call would not find what the first one has deleted. It is not sure that it was
// this call where its answer was lost: a deleted item tells nobody who did it.
func (d *DynamoDB) remove(ctx context.Context, info string) (sure bool, err error) {
	for try := 1; ; try++ {
		_, err := d.client.API().DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &d.table, Key: d.key(""), ConditionExpression: aws.String("#i = :seen"),
			ExpressionAttributeNames:  map[string]string{"#i": dynamoInfo},
			ExpressionAttributeValues: map[string]types.AttributeValue{":seen": attribute(info)},
		}, func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
		var refused *types.ConditionalCheckFailedException
		switch {
		case err == nil:
			return true, nil
		case errors.As(err, &refused) && try == 1:
			return true, changed(d.lock(nil))
		case errors.As(err, &refused):
			return false, nil // what was still there a moment ago went by an earlier try, or by its holder
		}
		locks, readErr := d.Inspect(ctx)
		if readErr == nil && (len(locks) == 0 || locks[0].Data != info) {
			return false, nil
		}
		if readErr != nil || try == tries {
			return false, d.failed("removing the lock", "DeleteItem", err)
		}
	}
}

// Digest is the MD5 sum, in hexadecimal, that the state has to have; empty where the tools have
// recorded none.
func (d *DynamoDB) Digest(ctx context.Context) (string, error) {
	out, err := d.client.API().GetItem(ctx, &dynamodb.GetItemInput{TableName: &d.table, Key: d.key(DigestSuffix), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return "", d.failed("reading the digest of", "GetItem", err)
	}
	return textOf(out.Item, dynamoDigest), nil
}

// SetDigest records the MD5 sum, in hexadecimal, of a state that was written past the tools: they
// refuse one that does not match. Empty removes it.
func (d *DynamoDB) SetDigest(ctx context.Context, sum string) error {
	var err error
	if sum == "" {
		_, err = d.client.API().DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &d.table, Key: d.key(DigestSuffix)})
	} else {
		item := d.key(DigestSuffix)
		item[dynamoDigest] = attribute(sum)
		_, err = d.client.API().PutItem(ctx, &dynamodb.PutItemInput{TableName: &d.table, Item: item})
	}
	if err != nil {
		return d.failed("writing the digest of", "PutItem", err)
	}
	return nil
}

// DynamoDBLocks lists the locks of a table.
func DynamoDBLocks(ctx context.Context, client *dynamolock.Client, table string) ([]Lock, error) {
	pages := dynamodb.NewScanPaginator(client.API(), &dynamodb.ScanInput{
		TableName: &table, ConsistentRead: aws.Bool(true),
		FilterExpression:         aws.String("attribute_exists(#i)"),
		ExpressionAttributeNames: map[string]string{"#i": dynamoInfo},
	})
	var locks []Lock
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, client.Wrap("Scan", table, err)
		}
		for _, item := range page.Items {
			if path := textOf(item, dynamoKey); path != "" && !strings.HasPrefix(path, dynamolock.OwnPrefix) {
				locks = append(locks, (&DynamoDB{client: client, table: table, path: path}).lock(item))
			}
		}
	}
	return sorted(locks), nil
}
