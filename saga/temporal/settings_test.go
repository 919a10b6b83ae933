package temporal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/temporal"
)

// wantError checks the class of an error, and that it names things.
func wantError(t *testing.T, err error, want fault.Code, names ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("the error is %v, want %s", err, want)
		return
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error %q does not name %s", err, name)
		}
	}
}

func TestAWrongSettingIsNamed(t *testing.T) {
	for name, p := range map[string]temporal.Policy{
		"lease": {Lease: time.Millisecond}, "concurrency": {Concurrency: -1}, "max_state": {MaxState: 3 << 20},
	} {
		wantError(t, p.Validate(), fault.InvalidArgument, name)
		wantPanic(t, name, func() { temporal.New(definition(step("pay")), dial(t, "127.0.0.1:1", "default")).With(p) })
	}
	if err := (temporal.Policy{}).WithDefaults().Validate(); err != nil {
		t.Errorf("the defaults are wrong: %v", err)
	}
}

func TestThePolicyIsReadFromJSON(t *testing.T) {
	var p temporal.Policy
	must(t, json.Unmarshal([]byte(`{"lease": "3s", "max_state": 1000}`), &p))
	if p.Lease != 3*time.Second || p.MaxState != 1000 {
		t.Errorf("the policy is %+v", p)
	}
	if err := json.Unmarshal([]byte(`{"leases": "3s"}`), &p); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

func TestAWrongDefinitionPanicsAndNamesTheStep(t *testing.T) {
	c := dial(t, "127.0.0.1:1", "default")
	wantPanic(t, "step pay", func() { temporal.New(definition(saga.Step[Order]{Name: "pay"}), c) })
	wantPanic(t, "client", func() { temporal.New(definition(step("pay")), nil) })
}

func wantPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, name) || !strings.Contains(got, "checkout") {
			t.Errorf("the panic is %q, want one that names checkout and %s", got, name)
		}
	}()
	f()
}

func TestAServerThatIsAwayIsNamedAndRunWaitsForIt(t *testing.T) {
	r := temporal.New(definition(step("pay")), dial(t, "127.0.0.1:1", "default")).With(silent)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	for what, call := range map[string]func() error{
		"Start": func() error { return r.Start(ctx, "o-7", Order{}) },
		"Get":   func() error { _, err := r.Get(ctx, "o-7"); return err },
		"Wait":  func() error { _, err := r.Wait(ctx, "o-7"); return err },
		"Stuck": func() error { _, err := r.Stuck(ctx, 0, 10); return err },
		"Skip":  func() error { return r.Skip(ctx, "o-7", "pay") },
	} {
		err := call()
		if !errors.Is(err, fault.Unavailable) && !errors.Is(err, fault.DeadlineExceeded) {
			t.Errorf("%s: the error is %v, want unavailable or deadline_exceeded", what, err)
		}
		if err == nil || !strings.Contains(err.Error(), "checkout") || !strings.Contains(err.Error(), "Temporal") {
			t.Errorf("%s: the error %v does not name the saga and Temporal", what, err)
		}
	}
	r.Run(ctx) // returns when ctx has ended
}

func TestOnAServerBadInputIsNamed(t *testing.T) {
	server := realserver.Temporal(t)
	ctx := withPatience(t)

	nowhere := temporal.New(definition(step("pay")), dial(t, server.Addr, "nowhere")).With(silent)
	wantError(t, nowhere.Start(ctx, "o-7", Order{}), fault.FailedPrecondition, "nowhere", "client.Options")
	_, err := nowhere.Get(ctx, "o-7")
	wantError(t, err, fault.FailedPrecondition, "nowhere")
	_, err = nowhere.Stuck(ctx, 0, 10)
	wantError(t, err, fault.FailedPrecondition, "nowhere")

	small := silent
	small.MaxState = 1000
	grow := step("grow")
	grow.Do = func(_ context.Context, o Order) (Order, error) { o.Text = strings.Repeat("x", 2000); return o, nil }
	r := runner(t, definition(gate("paid"), grow), dial(t, server.Addr, "default"), small)
	wantError(t, r.Start(ctx, "o-7", Order{Text: strings.Repeat("x", 1000)}), fault.InvalidArgument, "MaxState 1000", "o-7")
	must(t, r.Start(ctx, "o-7", Order{}))
	wantError(t, r.Deliver(ctx, "o-7", "paid", strings.Repeat("x", 1000)), fault.InvalidArgument, "MaxState 1000", "event")
	must(t, r.Deliver(ctx, "o-7", "paid", 500))
	end, err := r.Wait(ctx, "o-7")
	wantError(t, err, fault.FailedPrecondition, "step grow", "MaxState 1000")
	if end.Phase != saga.Undone || end.State.Cents != 500 {
		t.Errorf("the run is %+v, want undone with the state before the step", end)
	}

	large := temporal.New(saga.Definition[Order]{Name: "large", Steps: []saga.Step[Order]{step("pay")}}, dial(t, server.Addr, "default")).With(temporal.Policy{MaxState: 1900 << 10})
	must(t, large.Start(ctx, "o-7", Order{Text: strings.Repeat("x", 1800<<10)}))
}
