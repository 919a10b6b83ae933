//go:build race

package callctx_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/callctx"
)

func TestAForgottenWaitPanicsInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx := callctx.Begin[struct{}](t.Context(), call.Operation{}, start, start.Add(time.Hour))
		defer ctx.Stop()
		_ = callctx.Elapsed(ctx, start)
		bubble.Sleep(time.Nanosecond)
		defer func() {
			if recover() == nil {
				t.Error("an old reading of the clock was used without a word")
			}
		}()
		_ = callctx.Elapsed(ctx, start)
	})
}
