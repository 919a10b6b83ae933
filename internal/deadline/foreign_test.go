package deadline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

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
		for _, c := range []struct {
			name string
			ctx  context.Context
		}{
			{name: "itself", ctx: ctx},
			{name: "below", ctx: below},
			{name: "our own, later", ctx: again},
		} {
			if !deadline.IsForeign(c.ctx) {
				t.Errorf("%s: not foreign", c.name)
			}
		}
		earlier, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Hour)
		defer cancel()
		for _, c := range []struct {
			name string
			ctx  context.Context
		}{
			{name: "none", ctx: t.Context()},
			{name: "our own", ctx: limited},
			{name: "our own, earlier", ctx: earlier},
			{name: "detached", ctx: detached},
			{name: "no deadline", ctx: deadline.Foreign(t.Context(), time.Now())},
			{name: "without it", ctx: context.WithoutCancel(ctx)},
		} {
			if deadline.IsForeign(c.ctx) || deadline.ForeignExpiring(c.ctx) {
				t.Errorf("%s: foreign", c.name)
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
			bubble.Sleep(time.Until(begun.Add(c.at)))
			if deadline.ForeignExpiring(ctx) != c.ends {
				t.Errorf("after %s: %v", c.at, !c.ends)
			}
		}
	})
}
