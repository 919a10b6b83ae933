package loadbalance_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
)

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
