package loadbalance_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

func TestBeforeTheFirstUpdateEverythingAnswers(t *testing.T) {
	for _, a := range algorithms {
		b := loadbalance.New("orders", loadbalance.Policy{Algorithm: a})
		picked, err := b.Pick(context.Background(), anyRequest)
		if !errors.Is(err, fault.Unavailable) || !fault.IsUnprocessed(err) || !strings.Contains(err.Error(), "orders") {
			t.Errorf("%s: Pick: %v", a, err)
		}
		picked.Done(context.Background(), err)
		if s := b.Snapshot(); s.Service != "orders" || len(s.Instances) != 0 {
			t.Errorf("%s: Snapshot: %+v", a, s)
		}
		if err := b.Set(loadbalance.Policy{}); err != nil {
			t.Errorf("%s: Set: %v", a, err)
		}
		before := err.Error()
		b.Update(nil)
		if _, err := b.Pick(context.Background(), anyRequest); err == nil || err.Error() == before {
			t.Errorf("%s: an empty list reads like none at all: %v", a, err)
		}
	}
}

func TestCancelledCallsFreeTheirSlotAndDoNotCount(t *testing.T) {
	cause, cancelCause := context.WithCancelCause(context.Background())
	cancelCause(errors.New("a newer query came"))
	plain, cancel := context.WithCancel(context.Background())
	cancel()
	for name, end := range map[string]struct {
		ctx context.Context
		err error
	}{
		"plain":          {plain, context.Canceled},
		"custom cause":   {cause, context.Cause(cause)},
		"in other words": {plain, errors.New("transport: operation was canceled")},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{}, instances("", ""))
			picked := only(t, b, "a")
			<-time.After(time.Millisecond)
			picked.Done(context.Background(), nil)
			before := state(t, b, "a")
			for range 20 {
				only(t, b, "a").Done(end.ctx, end.err)
			}
			if after := state(t, b, "a"); after != before {
				t.Errorf("%s: it was %+v and is %+v", name, before, after)
			}
		})
	}
}

func TestExpiredCallsCountIfTheyTookLongForTheirInstance(t *testing.T) {
	expired := func(t *testing.T, b *loadbalance.Pool, after time.Duration) {
		picked := only(t, b, "a")
		ctx, cancel := context.WithTimeout(context.Background(), after)
		defer cancel()
		<-ctx.Done()
		picked.Done(ctx, ctx.Err())
	}
	for name, c := range map[string]struct {
		known    string // whose usual time is known to be 10 ms
		deadline time.Duration
		ejected  bool
	}{
		"hangs, its own record":  {"a", time.Second, true},
		"hangs, the pool's":      {"b", time.Second, true},
		"the caller is in hurry": {"a", 12 * time.Millisecond, false},
		"nothing is known":       {"", time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := pool(loadbalance.Policy{}, instances("", ""))
				if c.known != "" {
					picked := only(t, b, c.known)
					<-time.After(10 * time.Millisecond)
					picked.Done(context.Background(), nil)
				}
				for range 5 {
					expired(t, b, c.deadline)
				}
				if got := state(t, b, "a").Ejected; got != c.ejected {
					t.Errorf("ejected: %t", got)
				}
			})
		})
	}
}

func TestUpdatePreservesLatenciesAndEjections(t *testing.T) {
	b := pool(loadbalance.Policy{Ejection: loadbalance.Ejection{Period: time.Hour}}, instances("", "", "", ""))
	fail(t, b, "a", 5)
	fail(t, b, "b", 4)
	running := only(t, b, "c")
	now := instances("", "", "7", "")
	now[2].Version = "2.0.0"
	b.Update(append(now[:3:3], registry.Instance{ID: "e", Endpoint: "http://e:1"}))
	if !state(t, b, "a").Ejected {
		t.Error("the ejection is forgotten")
	}
	if c := state(t, b, "c"); c.InFlight != 1 {
		t.Errorf("the busy one is %+v", c)
	}
	running.Done(context.Background(), nil)
	if c := state(t, b, "c"); c.InFlight != 0 {
		t.Errorf("a call from before the update is still counted: %+v", c)
	}
	fail(t, b, "b", 1)
	if !state(t, b, "b").Ejected {
		t.Error("the failures in a row are forgotten")
	}
}

func TestCallsToAnInstanceThatLeftMayEndLater(t *testing.T) {
	b := pool(loadbalance.Policy{}, instances("", ""))
	var running []loadbalance.Picked
	for range 10 {
		running = append(running, only(t, b, "b"))
	}
	b.Update(instances(""))
	for _, picked := range running {
		picked.Done(context.Background(), errDown)
	}
	if got := pick(t, b).Instance.ID; got != "a" || ejected(b) != 0 {
		t.Errorf("picked %s, %d ejected", got, ejected(b))
	}
	b.Update(nil)
	if _, err := b.Pick(context.Background(), anyRequest); !errors.Is(err, fault.Unavailable) {
		t.Errorf("all have left: %v", err)
	}
}

func TestAllInstancesReplacedFailsNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, many(10))
		alive := map[string]bool{}
		for step := range 10 { // one is replaced every 500 ms
			all := many(20)[step+1 : step+11]
			clear(alive)
			for _, i := range all {
				alive[i.ID] = true
			}
			b.Update(all)
			for range 50 {
				picked := pick(t, b)
				if !alive[picked.Instance.ID] {
					t.Fatalf("step %d went to %s, which is gone", step, picked.Instance.ID)
				}
				<-time.After(10 * time.Millisecond)
				picked.Done(context.Background(), nil)
			}
		}
	})
}

func TestSetRefusesAnInvalidPolicyAndPreservesTheOldOne(t *testing.T) {
	good := loadbalance.Policy{Algorithm: loadbalance.RoundRobin}
	b := pool(good, instances("", ""))
	before := b.Snapshot().Policy
	type (
		ej = loadbalance.Ejection
		pr = loadbalance.Probation
	)
	for setting, bad := range map[string]loadbalance.Policy{
		"algorithm":              {Algorithm: "magic"},
		"decay":                  {Decay: -1},
		"ejection.failures":      {Ejection: ej{Failures: -1}},
		"ejection.gap":           {Ejection: ej{Gap: 101}},
		"ejection.window":        {Ejection: ej{Window: -1}},
		"ejection.min_calls":     {Ejection: ej{MinCalls: -1}},
		"ejection.period":        {Ejection: ej{Period: -time.Second}},
		"ejection.max_percent":   {Ejection: ej{MaxPercent: 101}},
		"ejection.panic_percent": {Ejection: ej{PanicPercent: -1}},
		"probation.factor":       {Probation: pr{Factor: math.NaN()}},
		"factor: +Inf":           {Probation: pr{Factor: math.Inf(1)}},
		"factor: 1 is":           {Probation: pr{Factor: 1}},
		"probation.interval":     {Probation: pr{Interval: math.MaxInt64}},
		"probation.successes":    {Probation: pr{Successes: math.MaxInt}},
		"probation.timeout":      {Probation: pr{Timeout: -1}},
		"slow_start.window":      {SlowStart: loadbalance.SlowStart{Window: -1}},
	} {
		err := b.Set(bad)
		if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s: %v", setting, err)
		}
		func() {
			defer func() {
				if p, _ := recover().(string); !strings.Contains(p, setting) || !strings.Contains(p, "orders") {
					t.Errorf("%s: New panics with %q", setting, p)
				}
			}()
			loadbalance.New("orders", bad)
		}()
	}
	if now := b.Snapshot().Policy; now != before {
		t.Errorf("the policy was %+v and is %+v", before, now)
	}
}

func TestAllFaultsOfAPolicyAreReportedAtOnce(t *testing.T) {
	err := loadbalance.Policy{Algorithm: "x", Decay: -1, Probation: loadbalance.Probation{Factor: -1}, Ejection: loadbalance.Ejection{Gap: -1}}.Validate()
	for _, setting := range []string{"algorithm", "decay", "probation.factor", "ejection.gap"} {
		if !strings.Contains(err.Error(), setting) {
			t.Errorf("nothing of %s in %v", setting, err)
		}
	}
	if err := (loadbalance.Policy{}).Validate(); err != nil {
		t.Errorf("the zero policy: %v", err)
	}
}

func TestSetChangesTheAlgorithmOfLaterPicks(t *testing.T) {
	b := pool(loadbalance.Policy{}, instances("", ""))
	if err := b.Set(loadbalance.Policy{Algorithm: loadbalance.RoundRobin}); err != nil {
		t.Fatal(err)
	}
	if got := counts(t, b, 100, succeeds); got["a"] != 50 || got["b"] != 50 {
		t.Errorf("round robin gives %v", got)
	}
}

func TestPolicyIsTheSameAfterJSON(t *testing.T) {
	for _, want := range []loadbalance.Policy{
		{},
		{Algorithm: loadbalance.LeastRequest, Decay: 1500 * time.Millisecond, Ejection: loadbalance.Ejection{Failures: 3, Period: time.Minute, MaxPercent: 10}},
		{Ejection: loadbalance.Ejection{Disabled: true}},
		{
			Algorithm: loadbalance.ConsistentHash, Zone: "eu-1a", Seed: 7, SlowStart: loadbalance.SlowStart{Window: time.Minute, Disabled: true},
			Ejection:  loadbalance.Ejection{Gap: 20, Window: time.Minute, MinCalls: 5, PanicPercent: 30},
			Probation: loadbalance.Probation{Factor: 2.5, Interval: time.Second, Successes: 2, Timeout: time.Minute, Disabled: true},
		},
	} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got loadbalance.Policy
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Errorf("%+v became %+v by %s: %v", want, got, text, err)
		}
	}
	var p loadbalance.Policy
	if err := json.Unmarshal([]byte(`{"decay":"2s","ejection":{"period":"1m"}}`), &p); err != nil || p.Decay != 2*time.Second || p.Ejection.Period != time.Minute {
		t.Errorf("%+v: %v", p, err)
	}
	for _, text := range []string{`{"algoritm":"round_robin"}`, `{"ejection":{"percent":3}}`, `{"decay":"soon"}`} {
		if err := json.Unmarshal([]byte(text), new(loadbalance.Policy)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}

func TestPickAndUpdateAtOnce(t *testing.T) {
	for _, a := range algorithms {
		b := pool(loadbalance.Policy{Algorithm: a, Ejection: loadbalance.Ejection{Failures: 2, Period: time.Microsecond}}, many(4))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 2000 {
					picked, err := b.Pick(context.Background(), loadbalance.Request{Tried: []string{"0"}})
					if err != nil {
						t.Errorf("%s: %v", a, err)
						return
					}
					end := errDown
					if rand.IntN(3) > 0 {
						picked.Done(context.Background(), nil)
						continue
					}
					picked.Done(context.Background(), end)
				}
			})
		}
		all.Go(func() {
			for n := range 2000 {
				b.Update(many(1 + n%8))
				b.Snapshot()
				if err := b.Set(loadbalance.Policy{Algorithm: algorithms[n%len(algorithms)]}); err != nil {
					t.Error(err)
				}
			}
		})
		all.Wait()
		for _, i := range b.Snapshot().Instances {
			if i.InFlight != 0 {
				t.Errorf("%s: all calls have ended, and %+v", a, i)
			}
		}
	}
}

func TestMiddlewareSetsTheAddressAndTheTriedInstances(t *testing.T) {
	b := pool(loadbalance.Policy{}, instances(""))
	ep := b.Middleware()(func(ctx context.Context, _ any) (any, error) {
		c := call.Of(ctx)
		if n := state(t, b, "a").InFlight; n != 1 {
			t.Errorf("%d in flight during the call", n)
		}
		return c.Addr + " " + strings.Join(c.Tried, ","), nil
	})
	if got, err := ep(context.Background(), nil); err != nil || got != "http://a:80 a" {
		t.Errorf("%v, %v", got, err)
	}
	b.Update(nil)
	if _, err := ep(context.Background(), nil); !fault.IsUnprocessed(err) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestAHandlersCallsDoNotChangeItsInboundRecord(t *testing.T) {
	b := pool(loadbalance.Policy{}, instances(""))
	ctx := call.With(context.Background(), call.Record{RequestID: "r-1", Inbound: true})
	ep := b.Middleware()(func(ctx context.Context, _ any) (any, error) { return call.Of(ctx).RequestID, nil })
	if got, err := ep(ctx, nil); got != "r-1" || err != nil || call.Of(ctx).Addr != "" || call.Of(ctx).Tried != nil {
		t.Errorf("%v %v, and the record is %+v", got, err, *call.Of(ctx))
	}
}

func TestAPanicInTheEndpointFreesItsSlotAndCountsAsFailure(t *testing.T) {
	b := pool(loadbalance.Policy{Algorithm: loadbalance.RoundRobin}, instances("", ""))
	ep := b.Middleware()(func(ctx context.Context, _ any) (any, error) {
		if call.Of(ctx).Addr == "http://a:80" {
			panic("boom")
		}
		return nil, nil
	})
	panics := 0
	for range 40 {
		func() {
			defer func() {
				if p := recover(); p == "boom" {
					panics++
				} else if p != nil {
					t.Errorf("the panic became %v", p)
				}
			}()
			_, _ = ep(context.Background(), nil)
		}()
	}
	if panics != 5 {
		t.Errorf("%d panics went through", panics)
	}
	for _, i := range b.Snapshot().Instances {
		if i.InFlight != 0 {
			t.Errorf("%+v", i)
		}
	}
	if ejected(b) != 1 {
		t.Errorf("%d ejected", ejected(b))
	}
}

func TestPickAndDoneAllocateNothing(t *testing.T) {
	ctx := context.Background()
	for _, a := range algorithms {
		b := pool(loadbalance.Policy{Algorithm: a}, instances("1", "2", "", ""))
		fail(t, b, "a", 5)
		for name, end := range map[string]error{"success": nil, "failure": errDown} {
			for _, r := range []loadbalance.Request{{}, {HashKey: "user-1", Safe: true}, {Tried: []string{"b"}}} {
				if got := testing.AllocsPerRun(1000, func() {
					picked, _ := b.Pick(ctx, r)
					picked.Done(ctx, end)
				}); got != 0 {
					t.Errorf("%s, %s: %v allocations", a, name, got)
				}
			}
		}
	}
}
