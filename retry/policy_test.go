package retry_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/retry"
)

func TestValidateNamesEveryInvalidSetting(t *testing.T) {
	p := retry.Policy{
		Attempts: -1, Backoff: -1, MaxBackoff: -2,
		Budget: retry.Budget{Percent: 101, PerSecond: math.NaN()},
		Hedge:  retry.Hedge{Percent: -1, After: -1},
	}
	err := p.Validate()
	for _, setting := range []string{"attempts:", "max_backoff:", "backoff:", "budget.percent:", "budget.per_second:", "hedge.percent:", "hedge.after:"} {
		if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), setting) {
			t.Errorf("nothing about %s %v", setting, err)
		}
	}
	for name, p := range map[string]retry.Policy{
		"backoff over its most": {Backoff: 2, MaxBackoff: 1},
		"percent over 100":      {Hedge: retry.Hedge{Percent: 101}},
		"hedges nothing":        {Hedge: retry.Hedge{After: time.Second}},
		"infinite":              {Budget: retry.Budget{PerSecond: math.Inf(1)}},
		"negative":              {Budget: retry.Budget{Percent: -1}},
	} {
		if p.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := (retry.Policy{}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestPolicySurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		backoff := rapid.Int64Range(0, int64(time.Hour)).Draw(t, "backoff")
		p := retry.Policy{
			Attempts:   rapid.Int().Draw(t, "attempts"),
			Backoff:    time.Duration(backoff),
			MaxBackoff: time.Duration(backoff + rapid.Int64Range(0, int64(time.Hour)).Draw(t, "more")),
			Disabled:   rapid.Bool().Draw(t, "disabled"),
			Seed:       rapid.Uint64().Draw(t, "seed"),
			Budget: retry.Budget{
				Percent:   rapid.IntRange(0, 100).Draw(t, "percent"),
				PerSecond: rapid.Float64Range(0, 1e9).Draw(t, "per second"),
				Disabled:  rapid.Bool().Draw(t, "without budget"),
			},
			Hedge: retry.Hedge{
				Percent: rapid.IntRange(0, 100).Draw(t, "hedged"),
				After:   time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "after")),
			},
		}
		text, err := json.Marshal(p)
		var back retry.Policy
		if err == nil {
			err = json.Unmarshal(text, &back)
		}
		if err != nil || back != p {
			t.Fatalf("%s became %+v (%v)", text, back, err)
		}
	})
	for _, text := range []string{`{"budget":{"per_cent":3}}`, `{"hedge":{"percentile":99}}`, `{"attemts":3}`} {
		var p retry.Policy
		if err := json.Unmarshal([]byte(text), &p); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func TestTheWorstCaseOfAPolicyIsTheSumOfItsLongestWaits(t *testing.T) {
	if attempts, waiting := (retry.Policy{}).WorstCase(); attempts != 3 || waiting != 60*ms+180*ms {
		t.Errorf("%d, %s", attempts, waiting)
	}
	if attempts, waiting := (retry.Policy{Disabled: true, Attempts: 7}).WorstCase(); attempts != 1 || waiting != 0 {
		t.Errorf("%d, %s", attempts, waiting)
	}
	if attempts, waiting := (retry.Policy{Attempts: math.MaxInt, MaxBackoff: math.MaxInt64}).WorstCase(); attempts != math.MaxInt || waiting < time.Hour {
		t.Errorf("%d, %s", attempts, waiting)
	}
	rapid.Check(t, func(t *rapid.T) {
		p := retry.Policy{Attempts: rapid.IntRange(1, 40).Draw(t, "attempts"), Backoff: time.Duration(rapid.IntRange(1, 1000).Draw(t, "backoff"))}
		p.MaxBackoff = p.Backoff + time.Duration(rapid.IntRange(0, 5000).Draw(t, "more"))
		want, wait := time.Duration(0), p.Backoff
		for range p.Attempts - 1 {
			wait = min(3*wait, p.MaxBackoff)
			want += wait
		}
		if attempts, waiting := p.WorstCase(); attempts != p.Attempts || waiting != want {
			t.Fatalf("%+v: %d attempts, %s, want %s", p, attempts, waiting, want)
		}
	})
}

func TestTheDefaultBackoffIsAtMostMaxBackoff(t *testing.T) {
	p := retry.New("orders", retry.Policy{MaxBackoff: 3 * time.Millisecond}).Snapshot().Policy
	if p.Backoff != 3*time.Millisecond {
		t.Errorf("the backoff is %s with a max_backoff of %s", p.Backoff, p.MaxBackoff)
	}
}
