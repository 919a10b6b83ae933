package fault_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

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
		want    fault.Verdict
	}{
		"ours, over":                                {time.Second, fault.DeadlineExceeded, false, fault.Expired},
		"a stranger's, over":                        {time.Second, fault.DeadlineExceeded, true, fault.Abandoned},
		"a stranger's, over, in other words":        {time.Second, boom, true, fault.Abandoned},
		"ours, nearly over":                         {960 * time.Millisecond, fault.DeadlineExceeded, false, fault.TimedOut},
		"a stranger's, nearly over, says a callee":  {960 * time.Millisecond, fault.DeadlineExceeded, true, fault.Abandoned},
		"a stranger's, nearly over, in other words": {960 * time.Millisecond, boom, true, fault.Abandoned},
		"a stranger's, nearly over, nobody there":   {960 * time.Millisecond, refused, true, fault.Unreached},
		"a stranger's, nearly over, no room":        {960 * time.Millisecond, full, true, fault.Abandoned},
		"a stranger's, long before":                 {500 * time.Millisecond, fault.DeadlineExceeded, true, fault.TimedOut},
		"a stranger's, a success":                   {960 * time.Millisecond, nil, true, fault.OK},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if c.foreign {
				ctx = deadline.Foreign(ctx, time.Now())
			}
			bubble.Sleep(c.after)
			if got := fault.Judge(ctx, c.err); got != c.want {
				t.Errorf("%s is judged %s, want %s", name, got, c.want)
			}
		})
	}
}
