package fault_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
)

func TestAnUntrustedDeadlineBlamesNobody(t *testing.T) {
	boom := errors.New("boom")
	refused := fault.Unavailable.Errorf("connection refused").WithUnprocessed()
	full := fault.Unavailable.Errorf("full").WithReason("overloaded").WithUnprocessed()
	for name, c := range map[string]struct {
		after   time.Duration // of a second
		err     error
		foreign bool
		want    fault.Outcome
		expired bool
	}{
		"ours, over":                                {time.Second, fault.DeadlineExceeded, false, fault.Ignored, true},
		"a stranger's, over":                        {time.Second, fault.DeadlineExceeded, true, fault.Ignored, false},
		"a stranger's, over, in other words":        {time.Second, boom, true, fault.Ignored, false},
		"ours, nearly over":                         {960 * time.Millisecond, fault.DeadlineExceeded, false, fault.Failure, false},
		"a stranger's, nearly over, says a callee":  {960 * time.Millisecond, fault.DeadlineExceeded, true, fault.Ignored, false},
		"a stranger's, nearly over, in other words": {960 * time.Millisecond, boom, true, fault.Ignored, false},
		"a stranger's, nearly over, nobody there":   {960 * time.Millisecond, refused, true, fault.Failure, false},
		"a stranger's, nearly over, no room":        {960 * time.Millisecond, full, true, fault.Ignored, false},
		"a stranger's, long before":                 {500 * time.Millisecond, fault.DeadlineExceeded, true, fault.Failure, false},
		"a stranger's, a success":                   {960 * time.Millisecond, nil, true, fault.Success, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if c.foreign {
				ctx = deadline.Foreign(ctx, time.Now())
			}
			<-time.After(c.after)
			if got := fault.Classify(ctx, c.err); got != c.want || fault.CallerExpired(ctx, c.err) != c.expired {
				t.Errorf("%s: %s, expired %v", name, got, !c.expired)
			}
			if hurried := fault.Hurried(ctx, c.err); hurried != (c.foreign && c.want == fault.Ignored) {
				t.Errorf("%s: hurried %v", name, hurried)
			}
		})
	}
}
