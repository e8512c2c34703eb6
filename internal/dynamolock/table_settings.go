package dynamolock

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// Capability is a setting that an emulation may lack. Its text is stable.
type Capability string

// The capabilities.
const (
	CapPointInTimeRecovery Capability = "point_in_time_recovery"
	CapDeletionProtection  Capability = "deletion_protection"
	CapEncryption          Capability = "encryption"
	CapTags                Capability = "tags"
)

// Settings of a table. What is nil is left alone.
type Settings struct {
	PointInTimeRecovery *bool
	DeletionProtection  *bool
	Encryption          *Encryption
	// Tags are set; others stay. RemoveTags go.
	Tags       map[string]string
	RemoveTags []string
}

// Encryption at rest. DynamoDB always encrypts: by a key that AWS owns, or with KMS by one of the
// account's.
type Encryption struct {
	KMS bool
	// KeyID is the ID, alias or ARN of a customer's key; empty is the account's aws/dynamodb.
	KeyID string
}

func (e *Encryption) specification() *types.SSESpecification {
	if !e.KMS {
		return &types.SSESpecification{Enabled: aws.Bool(false)}
	}
	s := &types.SSESpecification{Enabled: aws.Bool(true), SSEType: types.SSETypeKms}
	if e.KeyID != "" {
		s.KMSMasterKeyId = aws.String(e.KeyID)
	}
	return s
}

// SameKey tells whether the ARN that DynamoDB shows can be the key that was asked for. An alias and
// the account's own key are not told apart from others without asking KMS, and pass.
func SameKey(asked, arn string) bool {
	switch {
	case asked == "" || strings.HasPrefix(asked, "alias/") || strings.Contains(asked, ":alias/"):
		return true
	case strings.HasPrefix(asked, "arn:"):
		return asked == arn
	}
	return strings.HasSuffix(arn, ":key/"+asked)
}

// LackingError is a setting that was asked for and that the service does not have.
type LackingError struct {
	Table, Endpoint string
	Setting         Capability
	// Err is what the service answered; nil where it took the setting and does not show it.
	Err error
}

// Error implements error.
func (e *LackingError) Error() string {
	text := fmt.Sprintf("the service at %s does not have %s for the table %q", e.Endpoint, e.Setting, e.Table)
	if e.Err != nil {
		return text + ": " + e.Err.Error()
	}
	return text + ": it takes the setting without a word and does not show it"
}

// Is matches ErrUnsupported.
func (e *LackingError) Is(target error) bool { return target == ErrUnsupported }

// Unwrap gives the service's answer.
func (e *LackingError) Unwrap() error { return e.Err }

// Observed is a table as it is.
type Observed struct {
	ARN string
	// DeletionProtection, PointInTimeRecovery and Encryption are off where the service lacks them.
	DeletionProtection  bool
	PointInTimeRecovery bool
	Encryption          Encryption
	Tags                map[string]string
}

// Observe reads a lock table. The error matches ErrNotFound if there is none, and is an
// *OtherShapeError for one with another key.
func (c *Client) Observe(ctx context.Context, table string) (*Observed, error) {
	found, err := c.active(ctx, table)
	if err != nil {
		return nil, err
	}
	o := &Observed{ARN: aws.ToString(found.TableArn), DeletionProtection: aws.ToBool(found.DeletionProtectionEnabled)}
	if s := found.SSEDescription; s != nil && s.SSEType == types.SSETypeKms && (s.Status == types.SSEStatusEnabled || s.Status == types.SSEStatusUpdating || s.Status == types.SSEStatusEnabling) {
		o.Encryption = Encryption{KMS: true, KeyID: aws.ToString(s.KMSMasterKeyArn)}
	}
	backups, err := c.api.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &table})
	switch err = c.wrap("DescribeContinuousBackups", table, err); {
	case err == nil && backups.ContinuousBackupsDescription != nil:
		p := backups.ContinuousBackupsDescription.PointInTimeRecoveryDescription
		o.PointInTimeRecovery = p != nil && p.PointInTimeRecoveryStatus == types.PointInTimeRecoveryStatusEnabled
	case err != nil && !c.lacks(err):
		return nil, err
	}
	o.Tags, err = c.tags(ctx, table, o.ARN)
	if err != nil && !c.lacks(err) {
		return nil, err
	}
	return o, nil
}

func (c *Client) tags(ctx context.Context, table, arn string) (map[string]string, error) {
	tags := map[string]string{}
	for in := (&dynamodb.ListTagsOfResourceInput{ResourceArn: &arn}); ; {
		page, err := c.api.ListTagsOfResource(ctx, in)
		if err != nil {
			return nil, c.wrap("ListTagsOfResource", table, err)
		}
		for _, t := range page.Tags {
			tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return tags, nil
		}
	}
}

// lacks tells whether an emulation does not have what was asked of it. AWS has everything.
func (c *Client) lacks(err error) bool { return !c.AWS() && errors.Is(err, ErrUnsupported) }

// Apply brings a table to its settings, and looks whether it shows them: an answer without an error
// is no proof, and AWS takes a while. What an emulation lacks is an error unless it is optional.
func (c *Client) Apply(ctx context.Context, table string, want Settings, optional map[Capability]bool) ([]Capability, error) {
	refused, sent := map[Capability]error{}, map[Capability]int{}
	looks := 15 // half a minute
	if !c.AWS() {
		looks = 4
	}
	var missing []change
	err := poll(ctx, func() (bool, error) {
		is, err := c.Observe(ctx, table)
		if err != nil {
			return false, err
		}
		missing = slices.DeleteFunc(c.changes(table, is, want), func(ch change) bool { return refused[ch.what] != nil })
		if looks--; looks == 0 || len(missing) == 0 {
			return true, nil
		}
		for _, ch := range missing {
			if sent[ch.what]++; sent[ch.what] > 2 {
				continue // it was accepted twice: what is missing is patience
			}
			switch err := ch.make(ctx); {
			case err == nil:
			case c.lacks(err) || !c.AWS() && refusesSettings(err):
				refused[ch.what] = err
			default:
				return false, err
			}
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	for _, ch := range missing {
		if _, said := refused[ch.what]; !said {
			refused[ch.what] = nil
		}
	}
	var lacking []Capability
	for _, what := range slices.Sorted(maps.Keys(refused)) {
		if c.AWS() || !optional[what] {
			return lacking, &LackingError{Table: table, Endpoint: c.Endpoint(), Setting: what, Err: refused[what]}
		}
		lacking = append(lacking, what)
	}
	return lacking, nil
}

// change is one call that brings a table nearer to what it should be.
type change struct {
	what Capability
	make func(ctx context.Context) error
}

// changes lists what differs.
func (c *Client) changes(table string, is *Observed, want Settings) []change {
	var out []change
	if p := want.PointInTimeRecovery; p != nil && *p != is.PointInTimeRecovery {
		out = append(out, change{CapPointInTimeRecovery, func(ctx context.Context) error { return c.setRecovery(ctx, table, *p) }})
	}
	if e := want.Encryption; e != nil && (e.KMS != is.Encryption.KMS || e.KMS && !SameKey(e.KeyID, is.Encryption.KeyID)) {
		out = append(out, change{CapEncryption, func(ctx context.Context) error {
			return c.update(ctx, &dynamodb.UpdateTableInput{TableName: &table, SSESpecification: e.specification()})
		}})
	}
	set := []types.Tag{}
	for _, key := range sortedKeys(want.Tags) {
		if value, ok := is.Tags[key]; !ok || value != want.Tags[key] {
			set = append(set, types.Tag{Key: aws.String(key), Value: aws.String(want.Tags[key])})
		}
	}
	if len(set) > 0 {
		out = append(out, change{CapTags, func(ctx context.Context) error {
			_, err := c.api.TagResource(ctx, &dynamodb.TagResourceInput{ResourceArn: &is.ARN, Tags: set})
			return c.wrap("TagResource", table, err)
		}})
	}
	remove := slices.DeleteFunc(slices.Clone(want.RemoveTags), func(key string) bool { _, ok := is.Tags[key]; return !ok })
	if len(remove) > 0 {
		out = append(out, change{CapTags, func(ctx context.Context) error {
			_, err := c.api.UntagResource(ctx, &dynamodb.UntagResourceInput{ResourceArn: &is.ARN, TagKeys: remove})
			return c.wrap("UntagResource", table, err)
		}})
	}
	if p := want.DeletionProtection; p != nil && *p != is.DeletionProtection {
		out = append(out, change{CapDeletionProtection, func(ctx context.Context) error { return c.protect(ctx, table, *p) }})
	}
	return out
}

func (c *Client) protect(ctx context.Context, table string, on bool) error {
	return c.update(ctx, &dynamodb.UpdateTableInput{TableName: &table, DeletionProtectionEnabled: &on})
}

// update changes a table and waits until it can be changed again.
func (c *Client) update(ctx context.Context, in *dynamodb.UpdateTableInput) error {
	table := aws.ToString(in.TableName)
	err := poll(ctx, func() (bool, error) {
		_, err := c.api.UpdateTable(ctx, in)
		err = c.wrap("UpdateTable", table, err)
		return err == nil, ignore(err, ErrInUse) // another change is under way
	})
	if err == nil {
		_, err = c.active(ctx, table)
	}
	return err
}

// setRecovery waits while AWS prepares the backups of a new table.
func (c *Client) setRecovery(ctx context.Context, table string, on bool) error {
	return poll(ctx, func() (bool, error) {
		_, err := c.api.UpdateContinuousBackups(ctx, &dynamodb.UpdateContinuousBackupsInput{
			TableName: &table, PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: &on},
		})
		var api smithy.APIError
		if errors.As(err, &api) && api.ErrorCode() == "ContinuousBackupsUnavailableException" {
			return false, nil
		}
		return err == nil, c.wrap("UpdateContinuousBackups", table, err)
	})
}

func ignore(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// LeaveOut takes a setting out of what is asked for.
func (s *Settings) LeaveOut(what Capability) {
	switch what {
	case CapPointInTimeRecovery:
		s.PointInTimeRecovery = nil
	case CapDeletionProtection:
		s.DeletionProtection = nil
	case CapEncryption:
		s.Encryption = nil
	case CapTags:
		s.Tags, s.RemoveTags = nil, nil
	}
}
