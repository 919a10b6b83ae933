package endpoint_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/validation"
)

func TestRecoverKeepsTheStackInTheLog(t *testing.T) {
	var log bytes.Buffer
	boom := func(context.Context, int) (int, error) { panic("secret: 1234") }
	ep := endpoint.New(boom).With(endpoint.Recover(slog.New(slog.NewJSONHandler(&log, nil))))
	_, err := ep(t.Context(), 1)
	if !errors.Is(err, fault.Internal) {
		t.Fatalf("got %v", err)
	}
	wire, _ := json.Marshal(fault.ProblemOf(err))
	for _, hidden := range []string{"secret", "basics_test", "goroutine"} {
		if strings.Contains(string(wire), hidden) || strings.Contains(err.Error(), hidden) {
			t.Fatalf("%q leaves the process: %s", hidden, wire)
		}
		if !strings.Contains(log.String(), hidden) {
			t.Fatalf("%q is not in the log: %s", hidden, log.String())
		}
	}
}

func TestFallbackAnswersOnlyFailuresOfTheCallee(t *testing.T) {
	for _, c := range []struct {
		err  error
		used bool
	}{
		{nil, false},
		{fault.Unavailable.Errorf("down"), true},
		{errors.New("unknown"), true},
		{fault.NotFound.Errorf("no such greeting"), false},
		{fault.InvalidArgument.Errorf("bad"), false},
	} {
		used := false
		fail := func(context.Context, int) (int, error) { return 1, c.err }
		ep := endpoint.New(fail).With(endpoint.Fallback(func(_ context.Context, n int, err error) (int, error) {
			used = true
			if n != 7 || !errors.Is(err, c.err) {
				t.Errorf("the fallback got %d, %v", n, err)
			}
			return 2, nil
		}))
		_, err := ep(t.Context(), 7)
		if used != c.used || (err == nil) != (used || c.err == nil) {
			t.Errorf("%v: used %v, gave %v", c.err, used, err)
		}
	}
}

func TestFallbackIsNotCalledForACallerWhoGaveUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ep := endpoint.New(waitFor).With(endpoint.Fallback(func(context.Context, time.Duration, error) (string, error) { return "stale", nil }))
	if got, err := ep(ctx, time.Hour); got != "" || !errors.Is(err, context.Canceled) {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestValidateRefusesBeforeTheEndpointRuns(t *testing.T) {
	ran := false
	ep := endpoint.New(func(context.Context, *Greeting) (string, error) { ran = true; return "", nil }).With(endpoint.Validate())
	if _, err := ep(t.Context(), &Greeting{}); ran || !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "name is missing") {
		t.Fatalf("ran %v, gave %v", ran, err)
	}
	if _, err := ep(t.Context(), &Greeting{Name: "ann"}); !ran || err != nil {
		t.Fatalf("ran %v, gave %v", ran, err)
	}
}

type strict struct{}

func (strict) Validate() error {
	return fault.FailedPrecondition.Errorf("not now").WithReason("closed")
}

func TestValidateReturnsAFaultUnchanged(t *testing.T) {
	err := validation.Of(strict{})
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.FailedPrecondition || e.Reason != "closed" {
		t.Fatalf("got %v", err)
	}
	if err := validation.Of(struct{}{}); err != nil {
		t.Fatalf("a request without Validate gave %v", err)
	}
}

func TestLogLevelFollowsTheOutcome(t *testing.T) {
	for _, c := range []struct {
		err   error
		level string
	}{
		{nil, "DEBUG"},
		{fault.Unavailable.Errorf("down"), "ERROR"},
		{fault.NotFound.Errorf("nothing"), "WARN"},
	} {
		var out bytes.Buffer
		log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		ctx := call.With(t.Context(), call.Record{RequestID: "r-1"})
		ep := endpoint.New(func(context.Context, int) (int, error) { return 0, c.err }).With(endpoint.Log(log, "orders.Get"))
		_, _ = ep(ctx, 1)
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("log line %q: %v", out.String(), err)
		}
		if line["level"] != c.level || line["operation"] != "orders.Get" || line["request_id"] != "r-1" || line["code"] != fault.CodeOf(c.err).String() {
			t.Errorf("%v is logged as %v", c.err, line)
		}
	}
}

func TestLogSaysHowLongACallTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		_, _ = endpoint.New(waitFor).With(endpoint.Log(log, "orders.Get"))(t.Context(), 3*time.Second)
		if line := out.String(); !strings.Contains(line, `"duration":3000000000`) {
			t.Errorf("a call of 3 s is logged as %s", line)
		}
	})
}

func TestACallThatPanicsIsLogged(t *testing.T) {
	var out bytes.Buffer
	call := endpoint.New(func(context.Context, int) (int, error) { panic("x") }).With(endpoint.Log(slog.New(slog.NewJSONHandler(&out, nil)), "orders.Get"))
	func() {
		defer func() {
			if recover() != "x" {
				t.Error("the panic is lost")
			}
		}()
		_, _ = call(t.Context(), 1)
	}()
	if line := out.String(); !strings.Contains(line, "ERROR") || !strings.Contains(line, "orders.Get") || !strings.Contains(line, "internal") {
		t.Errorf("it is logged as %q", line)
	}
}

func TestChainOfNothingIsTheEndpointItself(t *testing.T) {
	var asked endpoint.Func = func(context.Context, any) (any, error) { return 42, nil }
	if got, _ := endpoint.Chain()(asked)(t.Context(), nil); got != 42 {
		t.Fatalf("got %v", got)
	}
}
