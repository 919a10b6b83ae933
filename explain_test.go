package sinew_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/retry"
)

var (
	getStock = call.Operation{Name: "GET /inventory/{product_id}", Safe: true}
	refused  = fault.Unavailable.Errorf("connection refused").WithUnprocessed()
	// pair is where two instances of an inventory are said to be.
	pair = map[string][]string{"inventory": {"http://10.0.0.1:80", "http://10.0.0.2:80"}}
)

// endAfter returns an attempt that ends with err after d.
func endAfter(d time.Duration, err error) func(context.Context, string) error {
	return func(ctx context.Context, _ string) error {
		select {
		case <-time.After(d):
			return err
		case <-ctx.Done():
			return fault.CodeOf(ctx.Err()).Errorf("inventory gave no answer").WithCause(ctx.Err())
		}
	}
}

func trailOf(t *testing.T, err error) *call.Trail {
	t.Helper()
	trail, ok := errors.AsType[*call.Trail](err)
	if !ok {
		t.Fatalf("no trail in %v", err)
	}
	return trail
}

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
			"too late": func(context.Context, string) error { time.Sleep(time.Minute); return gone },
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

func TestAnExplainedCallShowsTheSituationOfEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := servicetest.New(t, sinew.Config{Static: pair, Clients: map[string]sinew.ClientPolicy{"inventory": {
			Balance: loadbalance.Policy{Ejection: loadbalance.Ejection{Failures: 1}},
		}}})
		first := ""
		send := func(ctx context.Context, addr string) error {
			if first == "" {
				first = addr
				return endAfter(10*time.Millisecond, refused)(ctx, addr)
			}
			return endAfter(5*time.Millisecond, nil)(ctx, addr)
		}
		ctx, why := sinew.Explain(t.Context())
		if err := shop.Client("inventory").Call(ctx, getStock, send); err != nil {
			t.Fatal(err)
		}
		calls := why.Calls()
		if len(calls) != 1 || calls[0].Err != nil || len(calls[0].Steps) != 2 || calls[0].Took < 35*time.Millisecond {
			t.Fatalf("%+v", calls)
		}
		s1, s2 := calls[0].Steps[0], calls[0].Steps[1]
		if s1.Instance != "inventory@"+first || !errors.Is(s1.Err, refused) || s2.Err != nil || s2.Instance == s1.Instance || s2.Took != 5*time.Millisecond {
			t.Errorf("%+v, %+v", s1, s2)
		}
		for _, s := range calls[0].Steps {
			n := s.Situation
			if n.Breaker != "closed" || n.Running != 0 || n.Budget <= 0 || len(n.Candidates) != 2 {
				t.Errorf("%+v", n)
			}
			for _, candidate := range n.Candidates {
				spoiled := s.Attempt == 2 && candidate.ID == s1.Instance
				if spoiled != (candidate.Excluded == "ejected") || spoiled != (candidate.Latency > 0) || candidate.InFlight != 0 {
					t.Errorf("attempt %d: %+v", s.Attempt, candidate)
				}
			}
		}
		for _, want := range []string{"GET /inventory/{product_id} of inventory was answered after", "of at most 10s\n", "attempt 1: " + s1.Instance + " after 10ms: unavailable: connection refused\n",
			"later, attempt 2: " + s2.Instance + " after 5ms: answered\n", "breaker closed; 0 running", ", ejected\n"} {
			if !strings.Contains(why.String(), want) {
				t.Errorf("%s\nhas no %q", why, want)
			}
		}
		var doc struct {
			Calls []struct {
				Steps []struct{ Situation struct{ Candidates []any } }
			}
		}
		if text, err := json.Marshal(why); err != nil || json.Unmarshal(text, &doc) != nil || len(doc.Calls[0].Steps[1].Situation.Candidates) != 2 {
			t.Errorf("%s, %v", text, err)
		}
	})
}

func TestAnExplainedAttemptShowsTriedInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := servicetest.New(t, sinew.Config{Static: pair})
		ctx, why := sinew.Explain(t.Context())
		err := shop.Client("inventory").Call(ctx, getStock, endAfter(0, refused))
		steps := why.Calls()[0].Steps
		excluded := func(i int) (n int) {
			for _, c := range steps[i].Situation.Candidates {
				if c.Excluded == "tried" || c.Excluded == "ejected" { // an instance that refuses connections is ejected at once
					n++
				}
			}
			return n
		}
		if len(steps) != 3 || excluded(0) != 0 || excluded(1) != 1 || excluded(2) != 2 {
			t.Errorf("%s", why)
		}
		if trail := trailOf(t, err); !slices.Equal(trail.Steps, steps) {
			t.Errorf("the error's trail is %+v", trail)
		}
	})
}

func TestCallsInOneContextAreExplainedInTheOrderOfTheirStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := servicetest.New(t, sinew.Config{Static: map[string][]string{"inventory": {"http://10.0.0.1:80"}, "price": {"http://10.0.0.2:80"}}})
		ctx, why := sinew.Explain(t.Context())
		quote := func(ctx context.Context, _ string) error { // like a handler in this process
			return shop.Client("price").Call(ctx, call.Operation{Name: "GET /price"}, endAfter(time.Second, nil))
		}
		if err := shop.Client("inventory").Call(ctx, getStock, quote); err != nil {
			t.Fatal(err)
		}
		_ = shop.Client("inventory").Call(ctx, call.Operation{Name: "DELETE /all"}, endAfter(0, fault.PermissionDenied))
		names := ""
		for _, call := range why.Calls() {
			names += call.Operation.Name + fmt.Sprint(" ", len(call.Steps), call.Err == nil, call.Took, "; ")
		}
		if names != "GET /inventory/{product_id} 1 true 1s; GET /price 1 true 1s; DELETE /all 1 false 0s; " {
			t.Error(names)
		}
	})
}

func TestConcurrentCallsInOneContextAreExplained(t *testing.T) {
	shop := servicetest.New(t, sinew.Config{Static: pair})
	ctx, why := sinew.Explain(t.Context())
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				err := error(nil)
				if i%2 == 0 {
					err = fault.FailedPrecondition
				}
				_ = shop.Client("inventory").Call(ctx, getStock, func(context.Context, string) error { return err })
				_ = why.String()
			}
		})
	}
	all.Wait()
	failed := 0
	for _, call := range why.Calls() {
		if call.Took < 0 || len(call.Steps) != 1 || call.Steps[0].Err != call.Err {
			t.Fatalf("%+v", call)
		}
		if call.Err != nil {
			failed++
		}
	}
	if len(why.Calls()) != 160 || failed != 80 {
		t.Errorf("%d calls, %d failed", len(why.Calls()), failed)
	}
}

func TestAttemptsAtTheSameTimeAreBothExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := servicetest.New(t, sinew.Config{Static: pair, Clients: map[string]sinew.ClientPolicy{"inventory": {
			Balance: loadbalance.Policy{Ejection: loadbalance.Ejection{Failures: 1, Period: time.Second}},
		}}}).Client("inventory")
		down := "http://10.0.0.1:80"
		send := func(ctx context.Context, addr string) error {
			if addr == down {
				return endAfter(time.Minute, nil)(ctx, addr)
			}
			return endAfter(time.Millisecond, nil)(ctx, addr)
		}
		for range 20 { // until that instance has failed and is on probation
			_ = c.Call(t.Context(), getStock, func(ctx context.Context, addr string) error {
				if addr == down {
					return refused
				}
				return send(ctx, addr)
			})
		}
		time.Sleep(time.Minute)
		ctx, why := sinew.Explain(t.Context())
		for range 20 {
			if err := c.Call(ctx, getStock, send); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		for _, call := range why.Calls() {
			if len(call.Steps) != 2 {
				continue
			}
			won, lost := call.Steps[0], call.Steps[1]
			if won.Attempt != 2 || lost.Attempt != 1 || won.Err != nil || lost.Err == nil || lost.Instance != "inventory@"+down || won.Instance == lost.Instance || won.Began <= 0 || lost.Began+lost.Took < won.Began {
				t.Errorf("%+v", call)
			}
			if !strings.Contains(why.String(), "  meanwhile, attempt 1: inventory@"+down) {
				t.Error(why)
			}
			return
		}
		t.Errorf("no attempt was joined by another:\n%s", why)
	})
}

func TestExplainPreservesItsContext(t *testing.T) {
	shop := servicetest.New(t, sinew.Config{Static: servicetest.InventoryAddress})
	sent := func(ctx context.Context) (record call.Record) {
		ctx, why := sinew.Explain(ctx)
		_ = shop.Client("inventory").Call(ctx, getStock, func(ctx context.Context, _ string) error {
			record = callctx.Of(ctx).Record
			return nil
		})
		if len(why.Calls()) != 1 {
			t.Errorf("explained: %s", why)
		}
		return record
	}
	by := call.With(t.Context(), call.Record{HashKey: "h-1", IdempotencyKey: "k-1", RequestID: "r-1"})
	if r := sent(by); r.HashKey != "h-1" || r.IdempotencyKey != "k-1" || r.RequestID != "r-1" {
		t.Errorf("by hand: %+v", r)
	}
	in := call.With(t.Context(), call.Record{Operation: getStock, IdempotencyKey: "k-1", RequestID: "r-1", Priority: 3, Repeated: true, Inbound: true})
	if r := sent(in); r.IdempotencyKey != "" || r.RequestID != "r-1" || r.Priority != 3 || !r.Repeated || r.Inbound {
		t.Errorf("in a handler: %+v", r)
	}
	ctx, _ := sinew.Explain(t.Context())
	if callctx.RecordOf(ctx) != nil {
		t.Error("there is a call being made")
	}
}

func TestAnExplainedCallThatPanicsIsComplete(t *testing.T) {
	shop := servicetest.New(t, sinew.Config{Static: servicetest.InventoryAddress})
	ctx, why := sinew.Explain(t.Context())
	func() {
		defer func() { _ = recover() }()
		_ = shop.Client("inventory").Call(ctx, getStock, func(context.Context, string) error { panic("no") })
	}()
	if calls := why.Calls(); len(calls) != 1 || calls[0].Took < 0 || !errors.Is(calls[0].Err, fault.Internal) {
		t.Errorf("%s", why)
	}
}

func BenchmarkExplain(b *testing.B) {
	c := servicetest.New(b, sinew.Config{Static: pair}).Client("inventory")
	good := func(context.Context, string) error { return nil }
	ctx := context.Background()
	_ = c.Call(ctx, getStock, good)
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			_ = c.Call(ctx, getStock, good)
		}
	})
	b.Run("explained", func(b *testing.B) {
		for b.Loop() {
			explained, _ := sinew.Explain(ctx)
			_ = c.Call(explained, getStock, good)
		}
	})
	b.Run("failed", func(b *testing.B) {
		for b.Loop() {
			_ = c.Call(ctx, call.Operation{}, func(context.Context, string) error { return fault.Aborted })
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
