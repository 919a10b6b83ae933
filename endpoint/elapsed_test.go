package endpoint_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/endpoint"
)

func TestElapsedAndCallerOfUseTheRecordOfTheOutgoingCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		<-time.After(time.Second)
		own, cancel := context.WithCancel(t.Context())
		defer cancel()
		shared := endpoint.Call{Now: begun.Add(time.Minute), Caller: own}
		made, _ := endpoint.WithCall(t.Context(), shared)
		shared.Inbound = true
		answered, _ := endpoint.WithCall(t.Context(), shared)
		bare, _ := endpoint.WithCall(t.Context(), endpoint.Call{})

		for name, tt := range map[string]struct {
			ctx     context.Context
			elapsed time.Duration
			caller  context.Context
		}{
			"no record":               {own, time.Second, own},
			"the call that is made":   {made, time.Minute, own},
			"a record without either": {bare, time.Second, bare},
			"the call being answered": {answered, time.Second, answered},
		} {
			if got := endpoint.Elapsed(tt.ctx, begun); got != tt.elapsed {
				t.Errorf("%s: %s elapsed, want %s", name, got, tt.elapsed)
			}
			if endpoint.CallerOf(tt.ctx) != tt.caller {
				t.Errorf("%s: another caller", name)
			}
		}
	})
}
