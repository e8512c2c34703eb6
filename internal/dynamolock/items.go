package dynamolock

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// The attributes of the items in a lock table. Those of a lease are:
//
//   - Info: the JSON of lease.Info.
//   - Fence: a number that grows with every grant. The item stays when a lease is released, so that
//     it never starts again.
//   - LeaseExpires: Unix time in milliseconds; absent from a lease that nobody holds.
const (
	AttrLockID  = "LockID"
	AttrInfo    = "Info"
	AttrDigest  = "Digest"
	AttrFence   = "Fence"
	AttrExpires = "LeaseExpires"
)

const (
	// OwnPrefix starts the LockID of every item that is no state's.
	OwnPrefix = "groundwork:"
	// LeasePrefix starts the LockID of a lease, before its name.
	LeasePrefix = OwnPrefix + "lease:"
)

// Lock is one lock of a table as it was seen: a lease of groundwork or a lock of a tool.
type Lock struct {
	// LockID is the item's key, and Name what people call it: the lease's name, or <bucket>/<key>.
	LockID, Name string
	// Tool is true for the lock that Terraform or OpenTofu took, which has no end.
	Tool bool
	// Info is what the holder wrote down, empty where it cannot be read.
	Info lease.Info
	// Left is how long a lease lasts, by the clock of the service.
	Left time.Duration
}

// String writes who holds what for how long.
func (l Lock) String() string {
	text := fmt.Sprintf("%q", l.Name)
	if l.Info.Who != "" {
		text += " held by " + l.Info.Who
	}
	if l.Info.Operation != "" {
		text += " for " + l.Info.Operation
	}
	if l.Tool {
		text += ", without an end"
		if l.Info.ID != "" {
			text += " (lock ID " + lease.Printable(l.Info.ID) + ")"
		}
		return text
	}
	return text + ", for another " + l.Left.Round(time.Second).String()
}

// liveLock tells whether somebody holds something by an item. What cannot be understood counts as
// held: it was put there by somebody.
func liveLock(item map[string]types.AttributeValue, now time.Time) (Lock, bool) {
	l := Lock{LockID: textOf(item, AttrLockID)}
	l.Name = strings.TrimPrefix(l.LockID, LeasePrefix)
	l.Info, _ = lease.Decode(textOf(item, AttrInfo)) // what it does not say stays empty
	switch {
	case strings.HasPrefix(l.LockID, LeasePrefix):
		if _, taken := item[AttrExpires]; !taken {
			return l, false
		}
		expires, ok := intOf(item, AttrExpires)
		if !ok {
			return l, true
		}
		l.Left = time.UnixMilli(expires).Sub(now)
		return l, l.Left > 0
	case strings.HasPrefix(l.LockID, OwnPrefix):
		return l, false
	}
	l.Tool = true
	_, digest := item[AttrDigest]
	_, info := item[AttrInfo]
	return l, info || !digest
}

// textOf reads a string attribute, empty where it is none.
func textOf(item map[string]types.AttributeValue, name string) string {
	if s, ok := item[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
