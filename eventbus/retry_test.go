package eventbus_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
)

// attempts runs a handler that returns err under r. It returns how often the handler ran
// and how long that took.
func attempts(t *testing.T, r eventbus.RetryPolicy, err error) (n int, took time.Duration) {
	t.Helper()
	began := time.Now()
	ep := endpoint.New(func(context.Context, int) (int, error) { n++; return 0, err }).With(r.Middleware())
	if _, got := ep(t.Context(), 1); !errors.Is(got, err) {
		t.Errorf("gave %v, want %v", got, err)
	}
	return n, time.Since(began)
}

func TestRetryRepeatsFailuresAndErrorsWithRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			err  error
			want int
		}{
			{errors.New("boom"), 3},
			{fault.Unavailable, 3},
			{fault.Internal, 3},
			{fault.DataLoss, 1},
			{fault.InvalidArgument, 1},
			{fault.InvalidArgument.Errorf("no").WithRetryAfter(time.Second), 1},
			{fault.ResourceExhausted, 1},
			{fault.ResourceExhausted.Errorf("too many").WithRetryAfter(time.Second), 3},
			{fault.Aborted, 1},
			{idempotency.KeyInUse(), 3},
			{fault.FailedPrecondition.Errorf("not yet").WithUnprocessed().WithRetryAfter(time.Second), 3},
		} {
			if n, _ := attempts(t, eventbus.RetryPolicy{Attempts: 3}, c.err); n != c.want {
				t.Errorf("%v: %d attempts, want %d", c.err, n, c.want)
			}
		}
	})
}

func TestRetryWaitsForRetryAfterUpToMaxBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := eventbus.RetryPolicy{Attempts: 2, Backoff: time.Millisecond, MaxBackoff: 10 * time.Second}
		for asked, want := range map[time.Duration]time.Duration{3 * time.Second: 3 * time.Second, 24 * time.Hour: 10 * time.Second} {
			if n, took := attempts(t, r, fault.Unavailable.Errorf("later").WithRetryAfter(asked)); n != 2 || took != want {
				t.Errorf("asked for %s: %d attempts in %s, want 2 in %s", asked, n, took, want)
			}
		}
	})
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		ep := endpoint.New(func(context.Context, int) (int, error) { n++; return 0, fault.Unavailable }).
			With(eventbus.RetryPolicy{Attempts: 5, Backoff: time.Minute}.Middleware())
		if _, err := ep(ctx, 1); !errors.Is(err, fault.Unavailable) || n != 1 {
			t.Errorf("%v after %d attempts", err, n)
		}
	})
}

func TestRetryReadsFromJSONAndRefusesWhatIsWrong(t *testing.T) {
	var r eventbus.RetryPolicy
	if err := json.Unmarshal([]byte(`{"attempts":2,"backoff":"1s"}`), &r); err != nil || r.Backoff != time.Second {
		t.Errorf("%+v %v", r, err)
	}
	if err := json.Unmarshal([]byte(`{"tries":2}`), &r); err == nil {
		t.Error("an unknown setting is taken")
	}
	if n, _ := attempts(t, eventbus.RetryPolicy{Disabled: true}, fault.Unavailable); n != 1 {
		t.Errorf("disabled, and %d attempts", n)
	}
	defer func() {
		if recover() == nil {
			t.Error("taken")
		}
	}()
	eventbus.RetryPolicy{Attempts: -1}.Middleware()
}

func TestTheDefaultBackoffOfRetryIsAtMostMaxBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		failing := eventbus.RetryPolicy{Attempts: 2, MaxBackoff: time.Millisecond}.Middleware()(func(context.Context, any) (any, error) {
			return nil, fault.Internal
		})
		_, _ = failing(t.Context(), nil)
		if waited := time.Since(start); waited > time.Millisecond {
			t.Errorf("it waited for %s", waited)
		}
	})
}
