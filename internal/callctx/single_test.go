package callctx_test

import (
	"context"
	"testing"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/callctx"
)

func TestASingleCallIsAFirstAttemptAtItsAddress(t *testing.T) {
	err := callctx.Single(t.Context(), call.Operation{Name: "op"}, "http://a", func(ctx context.Context, addr string) error {
		if c := callctx.Of(ctx); addr != "http://a" || c == nil || c.Attempt != 1 || c.Name != "op" {
			t.Errorf("it is sent to %q with the call %+v", addr, c)
		}
		return context.Canceled
	})
	if err != context.Canceled { //nolint:errorlint // it is that very error
		t.Errorf("it ends with %v", err)
	}
}

func TestAContextThatFollowsTheCallerOutlivesTheAttempt(t *testing.T) {
	type key struct{}
	caller, leave := context.WithCancel(t.Context())
	attempt, end := context.WithCancel(context.WithValue(caller, key{}, "the attempt's"))
	ctx := callctx.Following(attempt, caller)
	end()
	if ctx.Err() != nil || ctx.Value(key{}) != "the attempt's" {
		t.Errorf("after the attempt it has %v and has ended with %v", ctx.Value(key{}), ctx.Err())
	}
	leave()
	if ctx.Err() == nil {
		t.Error("it goes on without its caller")
	}
}
