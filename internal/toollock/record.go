package toollock

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// RecordPrefix is where records of broken locks are kept, in a bucket or beside a local state.
const RecordPrefix = ".groundwork/broken-locks/"

// Record says who broke which lock.
type Record struct {
	FormatVersion int       `json:"format_version"`
	BrokenAt      time.Time `json:"broken_at"`
	BrokenBy      string    `json:"broken_by"`
	// Uncertain tells that the service's answer was lost: the holder may have given the lock back itself.
	Uncertain bool   `json:"uncertain,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Kind      Kind   `json:"kind"`
	Place     string `json:"place"`
	Protects  string `json:"protects"`
	LockID    string `json:"lock_id"`
	Holder    string `json:"holder"`
	// Data is the lock's own content.
	Data string `json:"data"`
}

func newRecord(seen Lock, by lease.Info) Record {
	by = complete(by, "")
	return Record{
		FormatVersion: 1, BrokenAt: by.Created.UTC(), BrokenBy: by.Who, Reason: by.Info,
		Kind: seen.Kind, Place: seen.Place, Protects: seen.Protects, LockID: seen.ID(), Holder: seen.Holder(), Data: seen.Data,
	}
}

// key is a name that sorts by time.
func (r Record) key() string {
	return RecordPrefix + r.BrokenAt.Format("20060102T150405.000Z") + "-" + safeName(r.LockID) + ".json"
}

// safeName keeps an ID, which somebody else wrote, from leading anywhere.
func safeName(id string) string {
	out := []byte(id)
	for i, c := range out {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-'
		if !ok {
			out[i] = '_'
		}
	}
	return string(out[:min(len(out), 80)])
}

func (r Record) encode() []byte {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // strings and a time of this millennium
	}
	return append(text, '\n')
}

// RecordError means that a lock was broken, and that no record of it could be written.
type RecordError struct {
	Record Record
	Err    error
}

// Error implements error.
func (e *RecordError) Error() string {
	return fmt.Sprintf("the lock %s was broken, but no record of that could be written: %v", e.Record.LockID, e.Err)
}

// Unwrap gives the cause.
func (e *RecordError) Unwrap() error { return e.Err }

func (r Record) result(err error) error {
	if err == nil {
		return nil
	}
	return &RecordError{Record: r, Err: err}
}

// recordInBucket keeps a record beside the locks of a bucket, under a prefix of the backend.
func recordInBucket(ctx context.Context, c *s3store.Client, bucket, prefix string, r Record) error {
	return r.result(c.PutSmall(ctx, bucket, prefix+r.key(), r.encode()))
}
