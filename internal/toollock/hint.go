package toollock

import (
	"errors"
	"fmt"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// Hint gives the next command for an error of this package, empty when it knows none.
func Hint(err error) string {
	var held *HeldError
	var alive *AliveError
	switch {
	case errors.As(err, &alive):
		return alive.Lock.aliveHint()
	case errors.As(err, &held):
		return held.Locks[0].Next()
	case errors.Is(err, lease.ErrChanged):
		return "Look again: groundwork locks list"
	}
	return ""
}

// Next says what to do about a lock that is in the way: how to see whether the holder is alive, and
// what to run if it is not.
func (l Lock) Next() string {
	ask := fmt.Sprintf("Held by %s: wait, or ask. If that run is dead", l.Holder())
	switch {
	case l.Leftover:
		return "Nobody holds this lock: its holder died and left a note, which the tools pass over. To remove the note: groundwork locks break " + l.ID()
	case (l.Kind == KindLockfile || l.Kind == KindDynamoDB) && l.named():
		return fmt.Sprintf("%s: groundwork locks break %s --force (or, in its directory, terraform force-unlock %s)", ask, l.ID(), l.ID())
	case l.Kind == KindLockfile || l.Kind == KindDynamoDB: // terraform force-unlock wants the ID that the tool gave
		return fmt.Sprintf("%s: groundwork locks break %s --force", ask, l.ID())
	case l.Kind == KindPulumi:
		return fmt.Sprintf("%s: groundwork locks break %s --force (or pulumi cancel, which removes all locks of the stack)", ask, l.ID())
	case l.Kind == KindPG:
		return fmt.Sprintf("%s, the database still has its session: groundwork locks break %s --force ends it. terraform force-unlock cannot. End a run that is alive first: it would connect again and write without a lock.", ask, l.ID())
	case l.Kind == KindLocal:
		return l.aliveHint()
	}
	return ""
}

func (l Lock) aliveHint() string {
	if l.PID > 0 {
		return fmt.Sprintf("The lock ends with its process. Wait for it, or let it stop and write its state (on the machine where it runs): kill -INT %d", l.PID)
	}
	return "The lock ends with its process. Wait for it, or find the process that has the file open and interrupt it: fuser -v " + l.Protects
}
