package sinew_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/retry"
)

func TestALimitLogsWhenItStartsToRefuseAndWhenItIsLifted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		shop := sinew.New("shop", sinew.Config{
			Logger:  slog.New(slog.NewTextHandler(&log, nil)),
			Static:  map[string][]string{"orders": {"http://10.0.0.1:80"}},
			Clients: map[string]sinew.ClientPolicy{"orders": {Retry: retry.Policy{Disabled: true}}},
		})
		defer func() { _ = shop.Shutdown(t.Context()) }()
		orders := shop.Client("orders")
		play := func(rounds int, answer error) (phases []limit.Phase, reason limit.Reason) {
			for range rounds {
				var calls sync.WaitGroup
				for range 40 {
					calls.Go(func() {
						_ = orders.Call(t.Context(), call.Operation{Name: "place"}, func(context.Context, string) error {
							bubble.Sleep(10 * time.Millisecond)
							return answer
						})
					})
				}
				calls.Wait()
				bubble.Sleep(10 * time.Millisecond)
				s := orders.Snapshot().Limit
				phases = append(phases, s.Phase)
				if s.Reason != "" {
					reason = s.Reason
				}
			}
			return phases, reason
		}
		full := fault.Unavailable.Errorf("full").WithReason(fault.ReasonOverloaded).WithRetryAfter(time.Second).WithUnprocessed()
		play(100, nil)
		if text := log.String(); strings.Contains(text, "limit") {
			t.Fatalf("without an overload it logged %s", text)
		}
		if phases, reason := play(200, full); phases[len(phases)-1] != limit.Steering || reason != limit.CalleeRefuses {
			t.Fatalf("the limit is %s because of %s", phases[len(phases)-1], reason)
		}
		if n := strings.Count(log.String(), `level=WARN msg="the limit refuses calls" service=shop client=orders phase=steering reason=callee_refuses limit=`); n != 1 {
			t.Fatalf("the start of the episode was logged %d times: %s", n, &log)
		}
		play(1000, nil)
		if s := orders.Snapshot().Limit; s.Phase != limit.Unlimited || s.Reason != "" {
			t.Fatalf("without an overload the limit is %s because of %s", s.Phase, s.Reason)
		}
		text := log.String()
		if n := strings.Count(text, `level=INFO msg="the limit is lifted" service=shop client=orders duration=`); n != 1 || strings.Contains(text, "refused=0") {
			t.Errorf("the end of the episode was logged %d times: %s", n, text)
		}
	})
}

func TestRefusalsBeyondMaxAreNoEpisode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		shop := sinew.New("shop", sinew.Config{
			Logger:  slog.New(slog.NewTextHandler(&log, nil)),
			Static:  map[string][]string{"orders": {"http://10.0.0.1:80"}},
			Clients: map[string]sinew.ClientPolicy{"orders": {Limit: limit.Adaptive{Max: 1}}},
		})
		defer func() { _ = shop.Shutdown(t.Context()) }()
		orders, refused := shop.Client("orders"), 0
		var calls sync.WaitGroup
		var mu sync.Mutex
		for range 10 {
			calls.Go(func() {
				err := orders.Call(t.Context(), call.Operation{Name: "place"}, func(context.Context, string) error {
					bubble.Sleep(10 * time.Millisecond)
					return nil
				})
				mu.Lock()
				defer mu.Unlock()
				if fault.ReasonOf(err) == fault.ReasonOverloaded {
					refused++
				}
			})
		}
		calls.Wait()
		if text := log.String(); refused == 0 || strings.Contains(text, "the limit refuses") {
			t.Errorf("%d refused, logged %s", refused, text)
		}
	})
}
