package loadbalance_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/sinew-go/sinew/loadbalance"
)

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
