package dynamolock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// shown is how many locks an error names.
const shown = 5

// LiveLockError is a table that is not dropped because somebody holds a lock in it.
type LiveLockError struct {
	Table, Region string
	Locks         []Lock
}

// Error implements error.
func (e *LiveLockError) Error() string {
	var names []string
	for _, l := range e.Locks[:min(len(e.Locks), shown)] {
		names = append(names, l.String())
	}
	if more := len(e.Locks) - shown; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("somebody holds locks in the DynamoDB table %q (region %s): %s", e.Table, e.Region, strings.Join(names, "; "))
}

// Is matches ErrInUse.
func (e *LiveLockError) Is(target error) bool { return target == ErrInUse }

// Hint says how a lock is given back.
func (e *LiveLockError) Hint() string {
	for _, l := range e.Locks {
		if l.Tool {
			return "Wait for the runs that hold them. A lock that a dead run left behind is removed with `terraform force-unlock LOCK_ID` (or `tofu force-unlock`) where that state is used."
		}
	}
	return "Wait for the runs that hold them, or until their leases expire."
}

// LiveLocks lists the locks of a table that somebody holds now, by LockID: the tools' own, which
// have no end, and leases that have not expired by the clock of the service.
func (c *Client) LiveLocks(ctx context.Context, table string) ([]Lock, error) {
	var live []Lock
	pages := dynamodb.NewScanPaginator(c.api, &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, c.wrap("Scan", table, err)
		}
		now, ok := awsmiddleware.GetServerTime(page.ResultMetadata)
		if !ok {
			now = time.Now()
		}
		for _, item := range page.Items {
			if l, held := liveLock(item, now); held {
				live = append(live, l)
			}
		}
	}
	slices.SortFunc(live, func(a, b Lock) int { return strings.Compare(a.LockID, b.LockID) })
	return live, nil
}

// MayDropTable says whether DropTable would refuse, without changing anything. A table that does not
// exist may be dropped.
func (c *Client) MayDropTable(ctx context.Context, table string) error {
	if _, err := c.active(ctx, table); err != nil {
		return ignore(err, ErrNotFound)
	}
	live, err := c.LiveLocks(ctx, table)
	if err == nil && len(live) > 0 {
		err = &LiveLockError{Table: table, Region: c.Region(), Locks: live}
	}
	return ignore(err, ErrNotFound)
}

// DropTable deletes a lock table and waits until it is gone. Deletion protection is turned off, but
// only once nobody holds a lock; DynamoDB cannot keep out one that is taken between the last look
// and the call. A table that is gone is dropped already.
func (c *Client) DropTable(ctx context.Context, table string) error {
	found, err := c.active(ctx, table)
	if err != nil {
		return ignore(err, ErrNotFound)
	}
	if err := c.MayDropTable(ctx, table); err != nil {
		return err
	}
	protected := aws.ToBool(found.DeletionProtectionEnabled)
	if protected {
		if err := c.protect(ctx, table, false); err != nil {
			return err
		}
		// That took its time on AWS: look again, and leave the table as it was.
		if err := c.MayDropTable(ctx, table); err != nil {
			return errors.Join(err, c.protect(context.WithoutCancel(ctx), table, true))
		}
	}
	err = poll(ctx, func() (bool, error) {
		_, err := c.api.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &table})
		err = c.wrap("DeleteTable", table, err)
		if errors.Is(err, ErrNotFound) {
			return true, nil
		}
		return false, ignore(err, ErrInUse) // being deleted, or still being changed
	})
	var refused *CallError
	if protected && errors.As(err, &refused) && refused.Status/100 == 4 {
		err = errors.Join(err, c.protect(context.WithoutCancel(ctx), table, true)) // it stays, as it was
	}
	return err
}
