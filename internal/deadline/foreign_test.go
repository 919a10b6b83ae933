package deadline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/deadline"
)

func TestADeadlineIsForeignWhileItIsInForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := deadline.With(t.Context(), time.Now().Add(time.Second))
		defer limited.Stop()
		ctx := deadline.Foreign(limited, time.Now())
		below, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		again := deadline.With(below, time.Now().Add(time.Hour))
		defer again.Stop()
		again.Done() // arms it: its values come from elsewhere then
		for name, ctx := range map[string]context.Context{"itself": ctx, "below": below, "our own, later": again} {
			if !deadline.IsForeign(ctx) {
				t.Errorf("%s: not foreign", name)
			}
		}
		earlier, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Hour)
		defer cancel()
		for name, ctx := range map[string]context.Context{
			"none": t.Context(), "our own": limited, "our own, earlier": earlier, "detached": detached,
			"no deadline": deadline.Foreign(t.Context(), time.Now()), "without it": context.WithoutCancel(ctx),
		} {
			if deadline.IsForeign(ctx) || deadline.ForeignExpiring(ctx) {
				t.Errorf("%s: foreign", name)
			}
		}
	})
}

func TestAForeignDeadlineIsExpiringWhenACalleeMayReportItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		limited := deadline.With(t.Context(), begun.Add(time.Second))
		defer limited.Stop()
		ctx := deadline.Foreign(limited, begun)
		for _, c := range []struct {
			at   time.Duration
			ends bool
		}{{0, false}, {700 * time.Millisecond, false}, {950 * time.Millisecond, true}, {2 * time.Second, true}} {
			time.Sleep(time.Until(begun.Add(c.at)))
			if deadline.ForeignExpiring(ctx) != c.ends {
				t.Errorf("after %s: %v", c.at, !c.ends)
			}
		}
	})
}
