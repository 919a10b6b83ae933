package breaker_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
)

func TestValidateNamesEveryInvalidSetting(t *testing.T) {
	nonsense := breaker.Policy{
		FailureThreshold: -1, SuccessThreshold: -1, Timeout: -1, MaxTimeout: -2, MaxRequests: -1, FailurePercent: 101,
		SlowPercent: -1, SlowCall: -1, MinCalls: -1, Window: -1, ProbeLease: -1,
	}
	err := nonsense.Validate()
	for _, setting := range []string{
		"failure_threshold", "success_threshold", "timeout", "max_timeout", "max_requests", "failure_percent",
		"slow_percent", "slow_call", "min_calls", "window", "probe_lease",
	} {
		if err == nil || !strings.Contains(err.Error(), "invalid_argument: "+setting+": ") {
			t.Errorf("%s is not in %v", setting, err)
		}
	}
	for name, p := range map[string]breaker.Policy{
		"failure_threshold": {FailureThreshold: 1, SlowPercent: 1},
		"max_timeout":       {Timeout: time.Second, MaxTimeout: time.Second - 1},
		"window":            {Window: 9},
	} {
		if err := p.Validate(); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), name+": ") {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for _, p := range []breaker.Policy{{}, breaker.Consecutive, {Timeout: time.Minute}, {SlowCall: time.Hour}} {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
		if err := breaker.New("orders", p).Policy().Validate(); err != nil { // with its defaults
			t.Error(err)
		}
	}
}

func TestTheLongestDurationsDoNotOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{
			FailureThreshold: 1, Timeout: math.MaxInt64/2 + 1, MaxTimeout: math.MaxInt64, ProbeLease: math.MaxInt64,
			SlowCall: math.MaxInt64, Window: math.MaxInt64,
		})
		bubble.Sleep(time.Hour)
		calls(c, 1, errFailed)
		if callOnce(c, 0, nil) {
			t.Error("the timeout was over at once")
		}
		c.ForceOpen()
		c.Release()
		if _, err := c.Allow(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if callOnce(c, 0, nil) {
				t.Error("the lease was over at once")
			}
		}
	})
}

func TestPolicyReturnsTheDefaults(t *testing.T) {
	text, err := json.Marshal(breaker.New("orders", breaker.Policy{}).Policy())
	const want = `{"disabled":false,"failure_percent":0,"failure_threshold":0,"max_requests":1,"max_timeout":"5s","min_calls":20,` +
		`"probe_lease":"10s","slow_call":"0s","slow_percent":0,"success_threshold":1,"timeout":"120ms","window":"10s"}`
	if err != nil || string(text) != want {
		t.Errorf("%s (%v)", text, err)
	}
}

func TestTheDefaultTimeoutIsAtMostMaxTimeout(t *testing.T) {
	for _, p := range []breaker.Policy{{}, {FailureThreshold: 5}} {
		p.MaxTimeout = 50 * time.Millisecond
		if got := breaker.New("orders", p).Policy(); got.Timeout != 50*time.Millisecond {
			t.Errorf("the timeout is %s with a max_timeout of %s", got.Timeout, got.MaxTimeout)
		}
	}
}
