package saga_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/saga"
)

func same(_ context.Context, n int) (int, error) { return n, nil }

func TestWrongDefinitionsAreRefusedWithSagaAndStep(t *testing.T) {
	good := saga.Step[int]{Name: "pay", Do: same}
	definition := func(steps ...saga.Step[int]) saga.Definition[int] {
		return saga.Definition[int]{Name: "checkout", Steps: steps}
	}
	for what, c := range map[string]struct {
		d    saga.Definition[int]
		want []string
	}{
		"no name":             {saga.Definition[int]{Steps: []saga.Step[int]{good}}, []string{"Name"}},
		"a name with a blank": {saga.Definition[int]{Name: "check out", Steps: []saga.Step[int]{good}}, []string{"check out"}},
		"no steps":            {definition(), []string{"checkout", "Steps"}},
		"a negative version":  {saga.Definition[int]{Name: "checkout", Version: -1, Steps: []saga.Step[int]{good}}, []string{"Version -1"}},
		"a version twice":     {saga.Definition[int]{Name: "checkout", Steps: []saga.Step[int]{good}, Earlier: []saga.Definition[int]{definition(good)}}, []string{"version 1 twice"}},
		"a wrong policy":      {saga.Definition[int]{Name: "checkout", Steps: []saga.Step[int]{good}, Retry: saga.RetryPolicy{Attempts: -1}}, []string{"attempts", "-1"}},
		"no name of a step":   {definition(good, saga.Step[int]{Do: same}), []string{"step 2", "Name"}},
		"a name twice":        {definition(good, good), []string{"step pay", "two steps"}},
		"a slash":             {definition(saga.Step[int]{Name: "a/b", Do: same}), []string{"step a/b", "slash"}},
		"no Do":               {definition(saga.Step[int]{Name: "pay"}), []string{"step pay", "Do is nil"}},
		"a negative pause":    {definition(saga.Step[int]{Name: "pay", Do: same, Pause: -1}), []string{"step pay", "Pause"}},
		"a negative timeout":  {definition(saga.Step[int]{Name: "pay", Do: same, Timeout: -1}), []string{"step pay", "Timeout"}},
		"Steps and Parallel":  {definition(saga.Step[int]{Name: "both", Steps: []saga.Step[int]{good}, Parallel: []saga.Step[int]{good}}), []string{"step both", "both Steps and Parallel"}},
		"Steps and Do":        {definition(saga.Step[int]{Name: "both", Steps: []saga.Step[int]{good}, Do: same}), []string{"step both", "neither Do"}},
		"a pivot in Parallel": {definition(saga.Step[int]{Name: "both", Parallel: []saga.Step[int]{{Name: "pay", Do: same, Pivot: true}}}), []string{"step both/pay", "Pivot"}},
		"a deep pivot":        {definition(saga.Step[int]{Name: "both", Parallel: []saga.Step[int]{{Name: "in", Steps: []saga.Step[int]{{Name: "pay", Do: same, Pivot: true}}}}}), []string{"step both/in/pay", "Pivot"}},
		"a policy of a step":  {definition(saga.Step[int]{Name: "pay", Do: same, Retry: saga.RetryPolicy{Backoff: -1}}), []string{"step pay", "Retry"}},
	} {
		t.Run(what, func(t *testing.T) {
			wantPanic(t, func() { saga.New(c.d, saga.NewMemory()) }, c.want...)
		})
	}
	t.Run("no store", func(t *testing.T) {
		wantPanic(t, func() { saga.New(definition(good), nil) }, "checkout", "Store")
	})
	t.Run("a wrong policy of the runner", func(t *testing.T) {
		wantPanic(t, func() {
			saga.New(definition(good), saga.NewMemory()).With(saga.Policy{Lease: 1, Poll: -1, Concurrency: -1})
		}, "checkout", "lease", "poll", "concurrency")
	})
	t.Run("no function of On", func(t *testing.T) { wantPanic(t, func() { saga.On[int, int](nil) }, "On") })
	t.Run("no function of Sub", func(t *testing.T) {
		wantPanic(t, func() { saga.Sub[int, int]("child", definition(good), nil, nil) }, "child")
	})
	t.Run("no participant", func(t *testing.T) { wantPanic(t, func() { saga.TCC[int]() }, "participant") })
	t.Run("no Confirm", func(t *testing.T) {
		wantPanic(t, func() { saga.TCC(saga.Participant[int]{Name: "stock", Try: same, Cancel: same}) }, "stock", "Confirm")
	})
}

// wantPanic checks that f panics with all of these texts.
func wantPanic(t *testing.T, f func(), want ...string) {
	t.Helper()
	defer func() {
		got := fmt.Sprint(recover())
		for _, text := range want {
			if !strings.Contains(got, text) {
				t.Errorf("the panic is %q, want %q in it", got, text)
			}
		}
	}()
	f()
}

func TestPoliciesAreReadFromJSON(t *testing.T) {
	var p saga.Policy
	if err := json.Unmarshal([]byte(`{"lease": "3s", "poll": "2s", "concurrency": 7, "worker": "a"}`), &p); err != nil || p.Lease != 3*time.Second || p.Concurrency != 7 {
		t.Errorf("the policy is %+v (%v)", p, err)
	}
	if err := json.Unmarshal([]byte(`{"leese": "3s"}`), &p); err == nil || !strings.Contains(err.Error(), "leese") {
		t.Errorf("the error is %v, want one that names leese", err)
	}
	var r saga.RetryPolicy
	if err := json.Unmarshal([]byte(`{"attempts": 3, "backoff": "1s"}`), &r); err != nil || r.Attempts != 3 || r.Backoff != time.Second {
		t.Errorf("the policy is %+v (%v)", r, err)
	}
	text, err := json.Marshal(r)
	if err != nil || string(text) != `{"attempts":3,"backoff":"1s","max_backoff":"0s"}` {
		t.Errorf("the policy is written as %s (%v)", text, err)
	}
}

func TestSeveralCallsOfOneOperationHaveKeysOfTheirOwn(t *testing.T) {
	ctx := call.With(t.Context(), call.Record{IdempotencyKey: "checkout/o-7/pay", RequestID: "r"})
	one, two := call.Of(saga.WithKey(ctx, "fee")), call.Of(saga.WithKey(ctx, "price"))
	if one.IdempotencyKey != "checkout/o-7/pay/fee" || two.IdempotencyKey != "checkout/o-7/pay/price" || one.RequestID != "r" {
		t.Errorf("the keys are %q and %q, with request id %q", one.IdempotencyKey, two.IdempotencyKey, one.RequestID)
	}
	if long := call.Of(saga.WithKey(ctx, strings.Repeat("x", 200))).IdempotencyKey; len(long) > 128 {
		t.Errorf("the key %q does not fit into a header", long)
	}
	if saga.WithKey(t.Context(), "fee") != t.Context() {
		t.Error("outside of a step there is a key")
	}
}
