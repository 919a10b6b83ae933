package limit_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
)

func TestAdaptiveSurvivesJSON(t *testing.T) {
	p := limit.Adaptive{Min: 3, Max: 70, Except: []string{"GET /events"}, Disabled: true}
	text, err := json.Marshal(p)
	var back limit.Adaptive
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil || !reflect.DeepEqual(back, p) {
		t.Errorf("%s became %+v (%v)", text, back, err)
	}
	if err := json.Unmarshal([]byte(`{"mix":1}`), &back); err == nil {
		t.Error("an unknown setting was taken")
	}
}

func TestValidateNamesEveryInvalidSetting(t *testing.T) {
	for _, c := range []struct {
		policy interface{ Validate() error }
		words  []string
	}{
		{limit.Adaptive{Min: -1, Max: -2}, []string{"min: -1", "max: -2"}},
		{limit.Adaptive{Min: 9, Max: 8}, []string{"max: 8 is below min, 9"}},
		{limit.Adaptive{Min: 1 << 40, Max: 1 << 40}, []string{"min:", "max:"}},
		{limit.Concurrency{Max: -1, MaxWait: -time.Second}, []string{"max: -1", "max_wait: -1s"}},
		{limit.Rate{PerSecond: math.NaN(), Burst: -1}, []string{"per_second: NaN", "burst: -1"}},
		{limit.Rate{PerSecond: math.Inf(1)}, []string{"per_second: +Inf"}},
		{limit.Rate{PerSecond: -3}, []string{"per_second: -3"}},
	} {
		err := c.policy.Validate()
		if !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%+v: %v", c.policy, err)
			continue
		}
		for _, word := range c.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%+v: %v does not say %q", c.policy, err, word)
			}
		}
	}
	for _, good := range []interface{ Validate() error }{limit.Adaptive{}, limit.Concurrency{}, limit.Rate{}, limit.Adaptive{Max: 2}} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
}
