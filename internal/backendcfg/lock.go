package backendcfg

import (
	"fmt"
)

// LockMode is what the user asked for.
type LockMode string

// The lock modes. LockAuto chooses the best that service, tool and version allow.
const (
	LockAuto     LockMode = "auto"
	LockLockfile LockMode = "lockfile"
	LockDynamoDB LockMode = "dynamodb"
	LockNone     LockMode = "none"
)

// Verdict says whether a conditional write on the bucket's service excludes a
// second writer. The zero Verdict is VerdictUnknown.
type Verdict int

// The verdicts on a service's conditional writes.
const (
	VerdictUnknown Verdict = iota
	VerdictSafe
	VerdictUnsafe
)

// String is the verdict in one word.
func (v Verdict) String() string {
	switch v {
	case VerdictSafe:
		return "safe"
	case VerdictUnsafe:
		return "unsafe"
	default:
		return "unknown"
	}
}

// LockRequest is what ResolveLock decides on.
type LockRequest struct {
	Mode LockMode
	// Verdict is about lock files on the bucket's service.
	Verdict Verdict
	// DynamoDBTable is the lock table, if there is one.
	DynamoDBTable string
}

// Resolved is the lock that the rendered backend block asks for.
type Resolved struct {
	// Mode is LockLockfile, LockDynamoDB or LockNone; the zero value is no lock.
	Mode LockMode
	// DynamoDBTable is set for LockDynamoDB only.
	DynamoDBTable string
	// Warnings are what the user should hear about the choice.
	Warnings []Warning
}

// Warning is something that works, but that the user should know. Codes are
// stable.
type Warning struct {
	Code    string
	Message string
}

// LockError is a lock that was asked for and cannot be had.
type LockError struct {
	Mode   LockMode
	Target Target
	Reason string
}

// Error says why the lock cannot be had, and what to do.
func (e *LockError) Error() string {
	return fmt.Sprintf("lock = %q cannot be used with %s: %s", string(e.Mode), e.Target, e.Reason)
}

// ResolveLock chooses the lock. It is pure: the verdict comes from the service's
// profile or from a probe.
func ResolveLock(r LockRequest, t Target) (Resolved, error) {
	switch r.Mode {
	case LockAuto, "":
		return resolveAuto(r, t), nil
	case LockLockfile:
		return resolveLockfile(r, t)
	case LockDynamoDB:
		if r.DynamoDBTable == "" {
			return Resolved{}, &LockError{r.Mode, t, "no lock table is named; set dynamodb_table, or use lock = \"auto\""}
		}
		return useDynamoDB(r.DynamoDBTable, t), nil
	case LockNone:
		return Resolved{Mode: LockNone, Warnings: []Warning{{
			Code:    "lock_none",
			Message: "Nothing locks this state: two runs at once can overwrite each other's work. Serialise them with `groundwork exec`, or in CI.",
		}}}, nil
	}
	return Resolved{}, &FieldError{Field: "lock", Reason: fmt.Sprintf("is %q; use \"auto\", \"lockfile\", \"dynamodb\" or \"none\"", string(r.Mode))}
}

func resolveAuto(r LockRequest, t Target) Resolved {
	if r.Verdict == VerdictSafe && t.lockfile() {
		return useLockfile(t)
	}
	if r.DynamoDBTable != "" {
		return useDynamoDB(r.DynamoDBTable, t)
	}
	why := fmt.Sprintf("%s cannot lock with a lock file (needs 1.10)", t)
	switch r.Verdict {
	case VerdictUnsafe:
		why = "this service does not honour the conditional write that a lock file needs"
	case VerdictUnknown:
		why = "nothing has shown yet that this service honours the conditional write that a lock file needs; probe the bucket, then set lock = \"lockfile\""
	}
	return Resolved{Mode: LockNone, Warnings: []Warning{{
		Code:    "lock_unavailable",
		Message: "This state is not locked: " + why + ". Until then, serialise runs with `groundwork exec`, or in CI.",
	}}}
}

func resolveLockfile(r LockRequest, t Target) (Resolved, error) {
	if !t.lockfile() {
		return Resolved{}, &LockError{r.Mode, t, "use_lockfile needs " + t.Tool.String() + " 1.10 or newer; upgrade it, or use lock = \"dynamodb\" or \"none\""}
	}
	if r.Verdict == VerdictUnsafe {
		return Resolved{}, &LockError{r.Mode, t, "the service does not honour the conditional write that a lock file needs, so two runs could both believe they hold the lock; use lock = \"dynamodb\" or \"none\" with `groundwork exec`"}
	}
	res := useLockfile(t)
	if r.Verdict == VerdictUnknown {
		res.Warnings = append(res.Warnings, Warning{
			Code:    "lockfile_unproven",
			Message: "Nothing has shown yet that this service honours the conditional write that a lock file needs. Probe the bucket before you rely on it.",
		})
	}
	return res, nil
}

func useLockfile(t Target) Resolved {
	res := Resolved{Mode: LockLockfile}
	if t.Tool != OpenTofu && !t.atLeast(v1110) {
		res.Warnings = append(res.Warnings, Warning{
			Code:    "lockfile_experimental",
			Message: "use_lockfile is experimental in Terraform 1.10 and supported from 1.11 on.",
		})
	}
	return res
}

func useDynamoDB(table string, t Target) Resolved {
	res := Resolved{Mode: LockDynamoDB, DynamoDBTable: table}
	if t.Tool != OpenTofu && t.atLeast(v1110) {
		res.Warnings = append(res.Warnings, Warning{
			Code:    "dynamodb_deprecated",
			Message: "Terraform deprecates dynamodb_table since 1.11 and will remove it; move to lock = \"lockfile\" when the service allows it.",
		})
	}
	return res
}
