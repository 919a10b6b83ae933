package sinew_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/retry"
)

func TestTheErrorOfAFailedCallNamesItsAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := servicetest.New(t, sinew.Config{Static: pair})
		begun := time.Now()
		err := shop.Client("inventory").Call(t.Context(), getStock, endAfter(10*time.Millisecond, refused))
		trail := trailOf(t, err)
		if len(trail.Steps) != 3 || trail.Operation.Service != "inventory" || trail.From != "shop" || trail.Took != time.Since(begun) || trail.Limit != 10*time.Second || trail.Ended != "" {
			t.Fatalf("%+v", trail)
		}
		over := time.Duration(0)
		for i, s := range trail.Steps {
			wait := s.Began - over
			if s.Attempt != i+1 || s.Took != 10*time.Millisecond || !errors.Is(s.Err, fault.Unavailable) || s.Situation != nil ||
				i == 0 && wait != 0 || i > 0 && (wait < 20*time.Millisecond || wait > time.Second) {
				t.Errorf("%+v after a wait of %s", s, wait)
			}
			if over = s.Began + s.Took; !strings.Contains(err.Error(), fmt.Sprintf("attempt %d: %s after 10ms", s.Attempt, s.Instance)) {
				t.Error(err)
			}
		}
		if trail.Steps[0].Instance == trail.Steps[1].Instance {
			t.Errorf("the second attempt went to the same instance: %s", err)
		}
		var f *fault.Error
		if !errors.Is(err, fault.Unavailable) || !errors.As(err, &f) || f.Message != "connection refused" || !fault.IsRepeated(err) || !fault.IsUnprocessed(err) {
			t.Errorf("%v is another error than the last attempt's", err)
		}
		if p := fault.ProblemOf(err); p.Detail != "connection refused" || !p.Repeated || len(p.Details) != 0 {
			t.Errorf("a caller sees %+v", p)
		}
	})
}

func TestTheErrorOfAFailedCallNamesWhatEndedIt(t *testing.T) {
	const far = time.Minute
	for name, c := range map[string]struct {
		ours, callers, cancel time.Duration
		send                  func(context.Context, string) error
		want                  string
	}{
		"our own timeout":                      {ours: 2 * time.Second, callers: far, send: endAfter(far, nil), want: "no answer within the timeout of 2s"},
		"the caller's deadline":                {ours: far, callers: 2 * time.Second, send: endAfter(far, nil), want: "no answer within the 2s of the caller's deadline"},
		"both at once":                         {ours: 2 * time.Second, callers: 2 * time.Second, send: endAfter(far, nil), want: "no answer within the 2s of the caller's deadline"},
		"a caller that gives up":               {ours: far, cancel: 2 * time.Second, send: endAfter(far, nil), want: "the caller gave up after 2s"},
		"a caller that gives up while we wait": {ours: far, cancel: 10 * time.Millisecond, send: endAfter(0, refused), want: "the caller gave up after 10ms"},
		"a failure in time":                    {ours: far, callers: far, send: endAfter(0, fault.DataLoss), want: ""},
		"the callee's own timeout":             {ours: far, callers: far, send: endAfter(0, fault.DeadlineExceeded), want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shop := servicetest.New(t, sinew.Config{Static: servicetest.InventoryAddress, Clients: map[string]sinew.ClientPolicy{"inventory": {Timeout: c.ours}}})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.cancel > 0 {
					defer time.AfterFunc(c.cancel, cancel).Stop()
				}
				if c.callers > 0 {
					ctx, cancel = context.WithTimeout(ctx, c.callers)
					defer cancel()
				}
				err := shop.Client("inventory").Call(ctx, getStock, c.send)
				if trail := trailOf(t, err); trail.Ended != c.want || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%q: %v", trail.Ended, err)
				}
			})
		})
	}
}

func TestTheServicesOwnAnswerIsNotWrappedInATrail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := servicetest.New(t, sinew.Config{Static: servicetest.InventoryAddress, Clients: map[string]sinew.ClientPolicy{"inventory": {Timeout: time.Second}}})
		gone := error(fault.NotFound.Errorf("no such product"))
		for name, send := range map[string]func(context.Context, string) error{
			"in time":  endAfter(0, gone),
			"too late": func(context.Context, string) error { bubble.Sleep(time.Minute); return gone },
		} {
			if err := shop.Client("inventory").Call(t.Context(), getStock, send); err != gone {
				t.Errorf("%s: %v", name, err)
			}
		}
		failures := 1
		err := shop.Client("inventory").Call(t.Context(), getStock, func(context.Context, string) error {
			if failures--; failures >= 0 {
				return refused
			}
			return gone
		})
		if trail := trailOf(t, err); len(trail.Steps) != 2 || !errors.Is(err, fault.NotFound) {
			t.Errorf("after a repeat: %v", err)
		}
	})
}

func TestTheErrorOfARefusedCallSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := servicetest.New(t, sinew.Config{Static: servicetest.InventoryAddress, Clients: map[string]sinew.ClientPolicy{
			"inventory": {Breaker: breaker.Policy{FailureThreshold: 1}, Retry: retry.Policy{Disabled: true}},
		}})
		c := shop.Client("inventory")
		_ = c.Call(t.Context(), getStock, endAfter(0, fault.Internal))
		err := c.Call(t.Context(), getStock, endAfter(0, nil))
		trail := trailOf(t, err)
		if len(trail.Steps) != 1 || trail.Steps[0].Instance != "" || fault.ReasonOf(err) != "breaker_open" || !strings.HasSuffix(err.Error(), " (attempt 1: refused)") {
			t.Errorf("%v", err)
		}
	})
}

func TestATrailSaysWhyThereWasNoFurtherAttempt(t *testing.T) {
	once := getStock
	once.Safe = false
	spent := retry.Budget{Percent: 1, PerSecond: 0.001}
	for name, tt := range map[string]struct {
		policy  sinew.ClientPolicy
		op      call.Operation
		before  int // calls that fail
		timeout time.Duration
		fails   error
		want    string
	}{
		"budget":     {sinew.ClientPolicy{Retry: retry.Policy{Budget: spent}}, getStock, 20, 0, fault.Internal, "the retry budget is spent"},
		"attempts":   {sinew.ClientPolicy{}, getStock, 0, 0, fault.Internal, "3 attempts are all that the policy allows"},
		"none":       {sinew.ClientPolicy{Retry: retry.Policy{Disabled: true}}, getStock, 0, 0, fault.Internal, "the policy repeats nothing"},
		"deadline":   {sinew.ClientPolicy{}, getStock, 0, 15 * time.Millisecond, fault.Internal, "it could not end before the deadline"},
		"not safe":   {sinew.ClientPolicy{}, once, 0, 0, fault.Internal, "the operation is not safe to repeat"},
		"an answer":  {sinew.ClientPolicy{}, getStock, 0, 0, fault.NotFound, ""},
		"no attempt": {sinew.ClientPolicy{Breaker: breaker.Policy{FailureThreshold: 1}}, getStock, 1, 0, fault.Internal, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shop := servicetest.New(t, sinew.Config{Static: servicetest.InventoryAddress, Clients: map[string]sinew.ClientPolicy{"inventory": tt.policy}})
				c := shop.Client("inventory")
				for range tt.before {
					_ = c.Call(t.Context(), tt.op, endAfter(0, fault.Internal))
				}
				ctx, why := sinew.Explain(t.Context())
				if tt.timeout > 0 {
					limited, cancel := context.WithTimeout(ctx, tt.timeout)
					defer cancel()
					ctx = limited
				}
				err := c.Call(ctx, tt.op, endAfter(time.Millisecond, tt.fails))
				if tt.want == "" {
					if strings.Contains(fmt.Sprint(err, why), "no further attempt") {
						t.Error(err, why)
					}
					return
				}
				if trail := trailOf(t, err); trail.Stopped != tt.want || !strings.HasSuffix(err.Error(), "; no further attempt: "+tt.want+")") {
					t.Errorf("%q: %v", trail.Stopped, err)
				}
				text, _ := json.Marshal(trailOf(t, err))
				if !strings.Contains(why.String(), "\n  no further attempt: "+tt.want+"\n") || !strings.Contains(string(text), `"stopped":"`+tt.want+`"`) {
					t.Errorf("%s\n%s", why, text)
				}
			})
		})
	}
}
