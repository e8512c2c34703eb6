package dynamolock

import (
	"sync"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// clock follows the clock of the service by the dates of its answers, so that no lease depends on
// the wall clock of any machine. A date has whole seconds, and an answer is some time on its way:
// what is known is an earliest and a latest time, which every answer narrows.
type clock struct {
	mu   sync.Mutex
	base time.Time // of the local monotonic clock
	wall time.Time // at base, of the clock that goes on while this machine sleeps
	// lower and upper are what the service's clock shows at least and at most, when base shows zero.
	lower, upper time.Time
}

// dateResolution is what a date in an answer leaves out.
const dateResolution = time.Second

// driftPerSecond is how much the local monotonic clock may go wrong between two answers: 200 parts
// in a million, more than the crystals of computers do.
const driftPerSecond = 5000

// hear takes the date of an answer to a request that was sent at the given time.
func (c *clock) hear(sent time.Time, answer middleware.Metadata) {
	date, ok := awsmiddleware.GetServerTime(answer)
	if !ok {
		return
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	lower, upper := date, date.Add(dateResolution+now.Sub(sent))
	if !c.base.IsZero() {
		oldLower, oldUpper := c.at(now)
		// Bounds that contradict each other mean that one of the clocks was set: the new ones count.
		if l, u := later(lower, oldLower), earlier(upper, oldUpper); !u.Before(l) {
			lower, upper = l, u
		}
	}
	c.base, c.wall, c.lower, c.upper = now, now.Round(0), lower, upper
}

// bounds are the earliest and the latest time that the service's clock can show now. They are not
// known before the first answer.
func (c *clock) bounds() (lower, upper time.Time, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base.IsZero() {
		return time.Time{}, time.Time{}, false
	}
	lower, upper = c.at(time.Now())
	return lower, upper, true
}

// at is what is known at a time. The monotonic clock stands still while the machine sleeps, so that the
// service's may be as far ahead as the wall clock has come: a lease that is renewed right after would
// otherwise end in the past.
func (c *clock) at(now time.Time) (lower, upper time.Time) {
	passed := now.Sub(c.base)
	most := max(passed, now.Round(0).Sub(c.wall))
	return c.lower.Add(passed - passed/driftPerSecond), c.upper.Add(most + most/driftPerSecond)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
