package sinew_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/retry"
)

func TestTheZeroPolicyHasNoWarnings(t *testing.T) {
	const want = "A call takes at most 10s and makes at most 3 attempts. " +
		"Without the timeout one that fails at once would take up to 240ms, and one that is never answered would take for ever."
	if f := (sinew.ClientPolicy{}).Review(); f.String() != want || len(f.Warnings) != 0 {
		t.Error(f)
	}
	for name, p := range map[string]sinew.ClientPolicy{
		"consecutive":   {Breaker: breaker.Consecutive},
		"a quick call":  {Timeout: time.Second},
		"a long call":   {Timeout: time.Hour},
		"hedged":        {Retry: retry.Policy{Hedge: retry.Hedge{Percent: 2}}},
		"no repeats":    {Retry: retry.Policy{Disabled: true, Attempts: 9, Backoff: time.Hour}},
		"no breaker":    {Breaker: breaker.Policy{Disabled: true, SlowCall: time.Hour, ProbeLease: 1}},
		"no budget, 2x": {Retry: retry.Policy{Attempts: 2, Budget: retry.Budget{Disabled: true}}},
	} {
		if f := p.Review(); len(f.Warnings) != 0 {
			t.Errorf("%s: %s", name, f)
		}
	}
}

func TestEachWarningNamesItsSettingsAndValues(t *testing.T) {
	off := retry.Budget{Disabled: true}
	for _, c := range []struct {
		policy   sinew.ClientPolicy
		settings string
		says     []string
	}{
		{sinew.ClientPolicy{Timeout: time.Second, Retry: retry.Policy{Attempts: 5, Backoff: 400 * time.Millisecond, MaxBackoff: 500 * time.Millisecond}}, "retry.attempts retry.backoff timeout", []string{"400ms", "3 of 5", "1s"}},
		{sinew.ClientPolicy{Timeout: time.Second, Retry: retry.Policy{MaxBackoff: time.Second}}, "retry.max_backoff timeout", []string{"no wait of 1s"}},
		{sinew.ClientPolicy{Retry: retry.Policy{Attempts: 1, Backoff: 1, Budget: retry.Budget{Percent: 5}}}, "retry.backoff retry.budget retry.attempts", []string{"1 attempt"}},
		{sinew.ClientPolicy{Retry: retry.Policy{Hedge: retry.Hedge{Percent: 2, After: 10 * time.Second}}}, "retry.hedge.after timeout", []string{"10s"}},
		{sinew.ClientPolicy{Retry: retry.Policy{Attempts: 1, Hedge: retry.Hedge{Percent: 2}}}, "retry.hedge.percent retry.attempts", []string{"1 is allowed"}},
		{sinew.ClientPolicy{Retry: retry.Policy{Hedge: retry.Hedge{Percent: 11}}}, "retry.hedge.percent retry.budget.percent", []string{"10 %", "11 %"}},
		{sinew.ClientPolicy{Breaker: breaker.Policy{SlowCall: 10 * time.Second}}, "breaker.slow_call timeout", []string{"10s"}},
		{sinew.ClientPolicy{Timeout: time.Second, Breaker: breaker.Policy{SlowPercent: 30}}, "breaker.slow_percent timeout", []string{"5s", "1s"}},
		{sinew.ClientPolicy{Breaker: breaker.Policy{ProbeLease: 4 * time.Second, MaxRequests: 2}}, "breaker.probe_lease timeout", []string{"4s", "10s", "6 are under way", "not 2"}},
		{sinew.ClientPolicy{Breaker: breaker.Policy{FailureThreshold: 7, MinCalls: 9}}, "breaker.min_calls breaker.failure_threshold", []string{"7 failures"}},
		{sinew.ClientPolicy{Breaker: breaker.Policy{FailureThreshold: 3}}, "breaker.failure_threshold retry.attempts", []string{"3 attempts"}},
		{sinew.ClientPolicy{Breaker: breaker.Policy{MinCalls: 1}}, "breaker.min_calls retry.attempts", []string{"1 attempt that"}},
		{sinew.ClientPolicy{Retry: retry.Policy{Attempts: 4, Budget: off}}, "retry.budget.disabled retry.attempts", []string{"4 attempts", "64 at the bottom of 3"}},
		{sinew.ClientPolicy{Breaker: breaker.Policy{Disabled: true}, Balance: loadbalance.Policy{Ejection: loadbalance.Ejection{Disabled: true}}}, "breaker.disabled balance.ejection.disabled", nil},
	} {
		found := c.policy.Review()
		if len(found.Warnings) != 1 {
			t.Errorf("%s: %s", c.settings, found)
			continue
		}
		warning := found.Warnings[0]
		for _, says := range c.says {
			if !strings.Contains(warning.Problem, says) {
				t.Errorf("%s\ndoes not say %q", warning, says)
			}
		}
		if strings.Join(warning.Settings, " ") != c.settings || warning.Advice == "" || !strings.HasPrefix(warning.String(), warning.Settings[0]+", ") || !strings.Contains(found.String(), "\n"+warning.String()+".") {
			t.Errorf("%s", found)
		}
	}
	if f := (sinew.ClientPolicy{Timeout: -1}).Review(); len(f.Warnings) != 1 || !strings.Contains(f.String(), "timeout: -1ns is negative") {
		t.Error(f)
	}
}

func TestReportIsData(t *testing.T) {
	before := sinew.ClientPolicy{Timeout: time.Second, Retry: retry.Policy{Attempts: 5, Backoff: 400 * time.Millisecond}}.Review()
	text, err := json.Marshal(before)
	if err != nil || !strings.HasPrefix(string(text), `{"attempts":4,"latency":"1s","waiting":"4s","warnings":[{"settings":["retry.attempts",`) {
		t.Fatalf("%s, %v", text, err)
	}
	var after sinew.Report
	if err := json.Unmarshal(text, &after); err != nil || after.String() != before.String() {
		t.Errorf("%s, %v", after, err)
	}
}

func TestAServiceLogsWarningsAboutItsPoliciesOnceAndAppliesThePolicies(t *testing.T) {
	var log strings.Builder
	doubtful := sinew.ClientPolicy{Timeout: time.Second, Retry: retry.Policy{Attempts: 2, Backoff: time.Second}}
	shop := servicetest.New(t, sinew.Config{
		Logger: slog.New(slog.NewTextHandler(&log, nil)), Static: servicetest.InventoryAddress,
		Clients: map[string]sinew.ClientPolicy{"inventory": doubtful, "price": {}, "tax": doubtful},
	})
	c := shop.Client("inventory")
	if lines := strings.Count(log.String(), "\n"); lines != 2 || strings.Count(log.String(), "level=WARN") != 2 ||
		!strings.Contains(log.String(), `service=shop client=inventory settings="retry.attempts, retry.backoff, timeout" problem=`) || !strings.Contains(log.String(), "client=tax") {
		t.Errorf("%s", &log)
	}
	log.Reset()
	if err := c.Set(doubtful); err != nil || strings.Count(log.String(), "level=WARN") != 1 {
		t.Errorf("%v: %s", err, &log)
	}
	_ = c.Set(sinew.ClientPolicy{})
	if got := strings.Count(log.String(), "\n"); got != 1 {
		t.Errorf("%s", &log)
	}
}

// callees are the ways in which an instance answers an attempt.
var callees = map[string]func(context.Context, string) error{
	"hangs":        endAfter(time.Hour, nil),
	"refuses":      endAfter(0, refused),
	"fails":        endAfter(0, fault.Internal),
	"fails slowly": endAfter(700*time.Millisecond, fault.Unavailable),
	"asks to wait": endAfter(0, fault.Unavailable.Errorf("later").WithRetryAfter(300*time.Millisecond)),
	"is too slow":  endAfter(3*time.Second, nil),
}

func TestNoCallExceedsTheLatencyAndAttemptsOfItsReport(t *testing.T) {
	ways := make([]string, 0, len(callees))
	for way := range callees {
		ways = append(ways, way)
	}
	slices.Sort(ways)
	rapid.Check(t, func(draw *rapid.T) {
		ms := func(name string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(draw, name)) * time.Millisecond
		}
		p := sinew.ClientPolicy{
			Timeout: ms("timeout", 0, 4000),
			Retry: retry.Policy{
				Attempts: rapid.IntRange(0, 9).Draw(draw, "attempts"), Backoff: ms("backoff", 0, 1000),
				Budget: retry.Budget{Disabled: rapid.Bool().Draw(draw, "unbounded")}, Disabled: rapid.IntRange(0, 9).Draw(draw, "once") == 0,
			},
			Breaker: breaker.Policy{Disabled: rapid.Bool().Draw(draw, "no breaker")},
		}
		if rapid.Bool().Draw(draw, "short waits") {
			p.Retry.MaxBackoff = p.Retry.Backoff + ms("longest wait", 0, 2000)
		}
		plan := rapid.SliceOfN(rapid.SampledFrom(ways), 1, 10).Draw(draw, "callee")
		hurry := ms("the caller's deadline", 0, 8000)
		synctest.Test(t, func(t *testing.T) {
			says := p.Review()
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if hurry > 4*time.Second {
				ctx, cancel = context.WithTimeout(ctx, hurry-4*time.Second)
			}
			defer cancel()
			c := servicetest.New(t, sinew.Config{Static: pair, Clients: map[string]sinew.ClientPolicy{"inventory": p}}).Client("inventory")
			made, begun := 0, time.Now()
			err := c.Call(ctx, getStock, func(ctx context.Context, addr string) error {
				made++
				return callees[plan[(made-1)%len(plan)]](ctx, addr)
			})
			if took := time.Since(begun); took > says.Latency || made > says.Attempts {
				draw.Errorf("%d attempts in %s, %v: %s", made, took, err, says)
			}
		})
	})
}

func TestWithoutATimeoutFailingAttemptsTakeTheReportedWaiting(t *testing.T) {
	rapid.Check(t, func(draw *rapid.T) {
		backoff := time.Duration(rapid.IntRange(1, 1000).Draw(draw, "backoff")) * time.Millisecond
		p := sinew.ClientPolicy{
			Timeout: 100 * time.Hour,
			Retry: retry.Policy{
				Attempts: rapid.IntRange(1, 9).Draw(draw, "attempts"), Backoff: backoff, Seed: rapid.Uint64().Draw(draw, "seed"),
				MaxBackoff: backoff * time.Duration(rapid.IntRange(1, 30).Draw(draw, "growth")), Budget: retry.Budget{Disabled: true},
			},
			Breaker: breaker.Policy{Disabled: true},
		}
		synctest.Test(t, func(t *testing.T) {
			says := p.Review()
			c := servicetest.New(t, sinew.Config{Static: pair, Logger: servicetest.NoLog, Clients: map[string]sinew.ClientPolicy{"inventory": p}}).Client("inventory")
			made, begun := 0, time.Now()
			_ = c.Call(t.Context(), getStock, func(context.Context, string) error { made++; return refused })
			least := time.Duration(made-1) * backoff
			if took := time.Since(begun); took > says.Waiting || took < least || made != p.Retry.Attempts || made != says.Attempts {
				draw.Errorf("%d attempts in %s: %s", made, took, says)
			}
		})
	})
}

func TestOnlyTheReportedAttemptsDoNotStart(t *testing.T) {
	for _, backoff := range []time.Duration{time.Millisecond, 333 * time.Millisecond, 500 * time.Millisecond, 999 * time.Millisecond, time.Second, time.Minute} {
		p := sinew.ClientPolicy{
			Timeout: time.Second, Breaker: breaker.Policy{Disabled: true},
			Retry:   retry.Policy{Attempts: 4, Backoff: backoff, MaxBackoff: backoff, Budget: retry.Budget{Disabled: true}},
			Balance: loadbalance.Policy{Probation: loadbalance.Probation{Disabled: true}},
		}
		synctest.Test(t, func(t *testing.T) {
			c := servicetest.New(t, sinew.Config{Static: pair, Clients: map[string]sinew.ClientPolicy{"inventory": p}}).Client("inventory")
			made := 0
			_ = c.Call(t.Context(), call.Operation{Safe: true}, func(context.Context, string) error { made++; return refused })
			if says := p.Review(); made != says.Attempts {
				t.Errorf("%s apart %d were made: %s", backoff, made, says)
			}
		})
	}
}

func ExampleClientPolicy_Review() {
	policy := sinew.ClientPolicy{
		Timeout: time.Second,
		Retry:   retry.Policy{Attempts: 5, Backoff: 400 * time.Millisecond},
		Breaker: breaker.Policy{SlowCall: 2 * time.Second},
	}
	fmt.Println(policy.Review())
	// Output:
	// A call takes at most 1s and makes at most 4 attempts. Without the timeout one that fails at once would take up to 4s, and one that is never answered would take for ever.
	// retry.attempts, retry.backoff, timeout: with 400ms or more between two attempts 3 of 5 begin within 1s; lower retry.backoff or retry.attempts, or raise timeout.
	// breaker.slow_call, timeout: no call lasts the 2s that make it slow: it is over after 1s; lower breaker.slow_call.
}
