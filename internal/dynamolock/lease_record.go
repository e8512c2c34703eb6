package dynamolock

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// BrokenPrefix starts the LockID of a record of a broken lock.
const BrokenPrefix = OwnPrefix + "broken:"

// Record keeps a text about a broken lease as an item of the table.
func (s *LeaseStore) Record(ctx context.Context, text string) error {
	id := BrokenPrefix + time.Now().UTC().Format("20060102T150405.000Z") + "-" + rand.Text()[:8]
	_, err := s.client.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.opts.Table, Item: map[string]types.AttributeValue{
		AttrLockID: stringOf(id), "Record": stringOf(text),
	}})
	return s.client.wrap("PutItem", s.opts.Table, err)
}
