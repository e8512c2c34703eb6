package dynamolock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// Spec is a table to make or to adopt.
type Spec struct {
	Table string
	// Adopt takes over a table that exists. Without it only an empty one is completed, which an
	// interrupted creation leaves behind.
	Adopt bool
	// Settings of the table that is made, or completed.
	Settings Settings
	// Adopted are the settings of a table that is taken over.
	Adopted Settings
	// Optional are the settings that may be missing on an emulation.
	Optional map[Capability]bool
}

// Result says what CreateTable did.
type Result struct {
	// Adopted is true for a table that existed and was to be adopted.
	Adopted bool
	// Lacking are the optional settings that the service does not have.
	Lacking []Capability
}

// ExistsError is a table that holds something and was not to be adopted.
type ExistsError struct{ Table, Region, Endpoint string }

// Error implements error.
func (e *ExistsError) Error() string {
	return fmt.Sprintf("the DynamoDB table %q (%s, region %s) exists and holds items", e.Table, e.Endpoint, e.Region)
}

// Is matches ErrExists.
func (e *ExistsError) Is(target error) bool { return target == ErrExists }

// OtherShapeError is a table that cannot be a lock table.
type OtherShapeError struct {
	Table, Region string
	// Key is what the table has, such as "UserId (S, HASH), At (N, RANGE)".
	Key string
}

// Error implements error.
func (e *OtherShapeError) Error() string {
	return fmt.Sprintf("the DynamoDB table %q (region %s) cannot be a lock table: its key is %s, and a lock table has the hash key %s (S) and no other. "+
		"The key of a table cannot be changed: choose another name", e.Table, e.Region, e.Key, AttrLockID)
}

// StatusError is a table that is in no state to be used.
type StatusError struct{ Table, Region, Status string }

// Error implements error.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("the DynamoDB table %q (region %s) has the status %s", e.Table, e.Region, e.Status)
	if e.Status == string(types.TableStatusInaccessibleEncryptionCredentials) {
		text += ": its KMS key is disabled, deleted, or denied to DynamoDB; give the key back first"
	}
	return text
}

// CheckName refuses what DynamoDB takes for no table's name.
func CheckName(name string) error {
	if len(name) < 3 || len(name) > 255 {
		return fmt.Errorf("the name of a DynamoDB table has 3 to 255 characters, and %q has %d", name, len(name))
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_.-", r) {
			return fmt.Errorf("the name of a DynamoDB table has letters, digits, underscores, hyphens and dots only; %q has %q", name, r)
		}
	}
	return nil
}

// CreateTable makes a table that is paid by request, or adopts one. It is safe to repeat: an empty
// table of the right shape is completed.
func (c *Client) CreateTable(ctx context.Context, spec Spec) (Result, error) {
	if err := CheckName(spec.Table); err != nil {
		return Result{}, err
	}
	err := c.create(ctx, spec.Table, spec.Settings)
	if err != nil && !c.AWS() && !errors.Is(err, ErrExists) && refusesSettings(err) {
		err = c.create(ctx, spec.Table, Settings{}) // which setting it lacks shows below
	}
	var result Result
	settings := spec.Settings
	switch {
	case errors.Is(err, ErrExists):
		if result.Adopted, err = c.occupied(ctx, spec); err != nil {
			return result, err
		}
		if result.Adopted {
			settings = spec.Adopted
		}
	case err != nil:
		return result, err
	}
	result.Lacking, err = c.Apply(ctx, spec.Table, settings, spec.Optional)
	return result, err
}

// occupied looks at a table that exists, tells whether it is taken over, and refuses it where it may
// not be and holds something.
func (c *Client) occupied(ctx context.Context, spec Spec) (bool, error) {
	if _, err := c.active(ctx, spec.Table); err != nil {
		return false, err
	}
	if spec.Adopt {
		return true, nil
	}
	out, err := c.api.Scan(ctx, &dynamodb.ScanInput{TableName: &spec.Table, ConsistentRead: aws.Bool(true), Limit: aws.Int32(1)})
	if err != nil {
		return false, c.wrap("Scan", spec.Table, err)
	}
	if len(out.Items) > 0 {
		return false, &ExistsError{Table: spec.Table, Region: c.Region(), Endpoint: c.Endpoint()}
	}
	return false, nil
}

func (c *Client) create(ctx context.Context, table string, s Settings) error {
	in := &dynamodb.CreateTableInput{
		TableName: &table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions:      []types.AttributeDefinition{{AttributeName: aws.String(AttrLockID), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:                 []types.KeySchemaElement{{AttributeName: aws.String(AttrLockID), KeyType: types.KeyTypeHash}},
		DeletionProtectionEnabled: s.DeletionProtection,
	}
	if s.Encryption != nil && s.Encryption.KMS {
		in.SSESpecification = s.Encryption.specification()
	}
	for _, key := range sortedKeys(s.Tags) {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(s.Tags[key])})
	}
	_, err := c.api.CreateTable(ctx, in)
	return c.wrap("CreateTable", table, err)
}

// refusesSettings tells a service that does not know a setting from other failures.
func refusesSettings(err error) bool {
	var api smithy.APIError
	return errors.Is(err, ErrUnsupported) || errors.As(err, &api) && api.ErrorCode() == "ValidationException"
}

// The pauses between looks at a table that is being changed. AWS takes seconds, an emulation none.
const (
	firstPause  = 100 * time.Millisecond
	longestWait = 2 * time.Second
	// ActiveTimeout is how long a table may take to become active.
	ActiveTimeout = 10 * time.Minute
)

// poll calls look until it is done or fails, for no longer than ActiveTimeout.
func poll(ctx context.Context, look func() (done bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, ActiveTimeout)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestWait) {
		done, err := look()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// active waits until a table can be used and changed, and checks its shape.
func (c *Client) active(ctx context.Context, table string) (*types.TableDescription, error) {
	var found *types.TableDescription
	err := poll(ctx, func() (bool, error) {
		var err error
		if found, err = c.describe(ctx, table); err != nil {
			return false, err
		}
		switch found.TableStatus {
		case types.TableStatusActive, "": // an emulation may leave it out
			return true, nil
		case types.TableStatusCreating, types.TableStatusUpdating, types.TableStatusDeleting:
			return false, nil // what is being deleted is soon not found
		}
		return false, &StatusError{Table: table, Region: c.Region(), Status: string(found.TableStatus)}
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = &StatusError{Table: table, Region: c.Region(), Status: string(found.TableStatus)}
	}
	if err != nil {
		return nil, err
	}
	return found, c.checkShape(found)
}

func (c *Client) describe(ctx context.Context, table string) (*types.TableDescription, error) {
	out, err := c.api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		return nil, c.wrap("DescribeTable", table, err)
	}
	if out.Table == nil {
		return nil, c.wrap("DescribeTable", table, errors.New("the answer describes no table; is this a DynamoDB endpoint?"))
	}
	return out.Table, nil
}

// checkShape compares the key. Further attributes belong to indexes, which do no harm.
func (c *Client) checkShape(t *types.TableDescription) error {
	kinds := map[string]types.ScalarAttributeType{}
	for _, a := range t.AttributeDefinitions {
		kinds[aws.ToString(a.AttributeName)] = a.AttributeType
	}
	var key []string
	for _, k := range t.KeySchema {
		name := aws.ToString(k.AttributeName)
		key = append(key, fmt.Sprintf("%s (%s, %s)", name, kinds[name], k.KeyType))
	}
	if !slices.Equal(key, []string{AttrLockID + " (S, HASH)"}) {
		return &OtherShapeError{Table: aws.ToString(t.TableName), Region: c.Region(), Key: strings.Join(key, ", ")}
	}
	return nil
}
