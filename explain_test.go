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

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/loadbalance"
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
			if n.Breaker != "closed" || n.InFlight != 0 || n.Budget <= 0 || len(n.Candidates) != 2 {
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
			"later, attempt 2: " + s2.Instance + " after 5ms: answered\n", "breaker closed; 0 in flight", ", ejected\n"} {
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
		bubble.Sleep(time.Minute)
		ctx, why := sinew.Explain(t.Context())
		for range 20 {
			if err := c.Call(ctx, getStock, send); err != nil {
				t.Fatal(err)
			}
			bubble.Sleep(time.Second)
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
