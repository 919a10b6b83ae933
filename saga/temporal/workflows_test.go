package temporal_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/internal/flow"
	"github.com/sinew-go/sinew/saga/temporal"
)

func TestWhatOthersDoToAWorkflow(t *testing.T) {
	server := realserver.Temporal(t)
	spaces := namespaces(t, server.Addr, 7)
	in := func(name string, test func(t *testing.T, c client.Client)) {
		space := spaces[0]
		spaces = spaces[1:]
		t.Run(name, func(t *testing.T) { test(t, dial(t, server.Addr, space)) })
	}
	in("a workflow that Temporal cancels is a run that is cancelled", cancelled)
	in("a workflow that is terminated is a run that has ended and is not undone", terminated)
	in("a run whose definition has changed waits, and is listed", changed)
	in("a run can be read by whoever does not know its version", unknown)
	in("the metrics of a runner stand beside those of a local one", counted)
	in("a run whose history is long is continued by another workflow", continued)
	t.Run("a client with a converter of its own can be used", func(t *testing.T) { converted(t, server.Addr, spaces[0]) })
}

func cancelled(t *testing.T, c client.Client) {
	ctx, r := withPatience(t), runner(t, definition(step("reserve"), gate("paid")), c, silent)
	must(t, r.Start(ctx, "o-7", Order{}))
	untilWaiting(t, r, "o-7", "paid", "event")
	must(t, c.CancelWorkflow(ctx, "checkout/o-7", ""))
	end, err := r.Wait(ctx, "o-7")
	wantError(t, err, fault.Canceled)
	if last := end.History[len(end.History)-2]; end.Phase != saga.Undone || last.What != flow.StepUndone || last.Step != "reserve" {
		t.Errorf("the run is %+v, want undone", end)
	}
}

func terminated(t *testing.T, c client.Client) {
	ctx, r := withPatience(t), runner(t, definition(gate("paid")), c, silent)
	must(t, r.Start(ctx, "o-7", Order{}))
	untilWaiting(t, r, "o-7", "paid", "event")
	must(t, c.TerminateWorkflow(ctx, "checkout/o-7", "", "no longer wanted"))
	_, err := r.Wait(ctx, "o-7")
	wantError(t, err, fault.Aborted, "no longer wanted", "not undone")
	must(t, r.Deliver(ctx, "o-7", "paid", 500))
	wantError(t, r.Retry(ctx, "o-7"), fault.FailedPrecondition, "ended")
	if stuck, err := r.Stuck(ctx, 0, 10); err != nil || len(stuck) != 0 {
		t.Errorf("stuck are %+v (%v), want none", stuck, err)
	}
}

func changed(t *testing.T, c client.Client) {
	ctx := withPatience(t)
	first := temporal.New(definition(step("reserve"), gate("paid")), c).With(silent)
	running, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { first.Run(running); close(ended) }()
	must(t, first.Start(ctx, "o-7", Order{ID: "o-7"}))
	untilWaiting(t, first, "o-7", "paid", "event")
	stop()
	<-ended

	second := runner(t, definition(step("book"), gate("paid")), c, silent)
	_, err := second.Get(ctx, "o-7")
	wantError(t, err, fault.FailedPrecondition, "version 1", "another Version")
	stuck, err := second.Stuck(ctx, time.Hour, 10)
	if err != nil || len(stuck) != 0 {
		t.Errorf("stuck are %+v (%v), want none that is not an hour old", stuck, err)
	}
	stuck, err = second.Stuck(ctx, 0, 10)
	if err != nil || len(stuck) != 1 || stuck[0].ID != "o-7" || stuck[0].Waits[0].For != "worker" {
		t.Errorf("stuck are %+v (%v), want the run, which waits for a worker", stuck, err)
	}
}

func unknown(t *testing.T, c client.Client) {
	ctx := withPatience(t)
	stranger := definition(step("other"))
	stranger.Version = 2
	reader := temporal.New(stranger, c).With(silent)

	first := temporal.New(definition(gate("paid"), gate("sent")), c).With(silent)
	must(t, first.Start(ctx, "o-7", Order{ID: "o-7"}))
	must(t, first.Start(ctx, "o-8", Order{ID: "o-8"}))
	for _, r := range []saga.Runner[Order]{first, reader} { // no worker runs
		got, err := r.Get(ctx, "o-7")
		if err != nil || got.Phase != saga.Running || got.State.ID != "o-7" || got.Waits[0].For != "worker" || len(got.History) != 1 {
			t.Errorf("the run is %+v (%v), want running, and that it waits for a worker", got, err)
		}
	}
	r := runner(t, definition(gate("paid"), gate("sent")), c, silent)
	must(t, r.Deliver(ctx, "o-7", "paid", 500))
	must(t, r.Deliver(ctx, "o-7", "sent", 50))
	must(t, r.Cancel(ctx, "o-8"))
	if _, err := r.Wait(ctx, "o-7", "paid"); err != nil {
		t.Error(err)
	}
	end, err := reader.Wait(ctx, "o-7")
	if err != nil || end.Phase != saga.Done || end.State.Cents != 550 {
		t.Errorf("the run is %+v (%v), want done with 550 cents", end, err)
	}
	end, err = reader.Wait(ctx, "o-8")
	if err == nil || end.Phase != saga.Undone || end.State.ID != "o-8" || !strings.Contains(err.Error(), "cancelled") {
		t.Errorf("the run is %+v (%v), want undone with its cause", end, err)
	}
}

func counted(t *testing.T, c client.Client) {
	ctx, r := withPatience(t), runner(t, definition(gate("paid"), refused("ship")), c, silent)
	for _, id := range []string{"o-7", "o-8"} {
		must(t, r.Start(ctx, id, Order{}))
	}
	must(t, r.Deliver(ctx, "o-7", "paid", 500))
	if _, err := r.Wait(ctx, "o-7"); !errors.Is(err, fault.FailedPrecondition) {
		t.Errorf("the error is %v, want the refusal", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(r, saga.New(saga.Definition[Order]{Name: "local", Steps: []saga.Step[Order]{step("pay")}}, saga.NewMemory()))
	want := `# HELP sinew_saga_runs Runs in the store by phase: running, undoing, parked, done, undone.
# TYPE sinew_saga_runs gauge
sinew_saga_runs{phase="done",saga="checkout"} 0
sinew_saga_runs{phase="parked",saga="checkout"} 0
sinew_saga_runs{phase="running",saga="checkout"} 1
sinew_saga_runs{phase="undoing",saga="checkout"} 0
sinew_saga_runs{phase="undone",saga="checkout"} 1
sinew_saga_runs{phase="done",saga="local"} 0
sinew_saga_runs{phase="parked",saga="local"} 0
sinew_saga_runs{phase="running",saga="local"} 0
sinew_saga_runs{phase="undoing",saga="local"} 0
sinew_saga_runs{phase="undone",saga="local"} 0
`
	eventually(ctx, t, "Temporal lists what has happened", func() bool {
		return testutil.GatherAndCompare(registry, bytes.NewBufferString(want), "sinew_saga_runs") == nil
	})
	steps := `# HELP sinew_saga_steps_total What became of the steps that this process called: done, repeated, failed, interrupted, undone, parked, and others.
# TYPE sinew_saga_steps_total counter
sinew_saga_steps_total{result="delivered",saga="checkout",step="paid"} 1
sinew_saga_steps_total{result="done",saga="checkout",step="paid"} 1
sinew_saga_steps_total{result="failed",saga="checkout",step="ship"} 1
sinew_saga_steps_total{result="undone",saga="checkout",step="ship"} 1
`
	if err := testutil.GatherAndCompare(registry, bytes.NewBufferString(steps), "sinew_saga_steps_total"); err != nil {
		t.Error(err)
	}
}

// continued makes a history of more than the 4 MB at which Temporal suggests another one.
func continued(t *testing.T, c client.Client) {
	ctx, r := withPatience(t), runner(t, definition(step("reserve"), gate("paid"), gate("sent")), c, silent)
	must(t, r.Start(ctx, "o-7", Order{}))
	must(t, r.Deliver(ctx, "o-7", "paid", 500))
	untilWaiting(t, r, "o-7", "sent", "event")
	before, err := r.Get(ctx, "o-7")
	must(t, err)
	first, err := c.DescribeWorkflowExecution(ctx, "checkout/o-7", "")
	must(t, err)
	void := flow.Signal{Kind: "void", Event: []byte(`"` + strings.Repeat("x", 1<<20) + `"`)}
	for range 5 {
		must(t, c.SignalWorkflow(ctx, "checkout/o-7", "", "saga", void))
	}
	eventually(ctx, t, "another workflow continues the first one", func() bool {
		next, err := c.DescribeWorkflowExecution(ctx, "checkout/o-7", "")
		must(t, err)
		return next.GetWorkflowExecutionInfo().GetExecution().GetRunId() != first.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	})
	untilWaiting(t, r, "o-7", "sent", "event")
	after, err := r.Get(ctx, "o-7")
	must(t, err)
	if len(after.History) != len(before.History) || !after.Started.Equal(before.Started) || !after.Waits[0].Since.Equal(before.Waits[0].Since) {
		t.Errorf("the run is %+v, before it was %+v", after, before)
	}
	must(t, r.Start(ctx, "o-7", Order{}))
	wantError(t, r.Start(ctx, "o-7", Order{ID: "other"}), fault.AlreadyExists)
	must(t, r.Deliver(ctx, "o-7", "sent", 50))
	end, err := r.Wait(ctx, "o-7")
	if err != nil || end.State.Cents != 550 || end.Phase != saga.Done {
		t.Errorf("the run is %+v (%v), want done with 550 cents", end, err)
	}
}

// converted uses a client that compresses.
func converted(t *testing.T, address, namespace string) {
	ctx := withPatience(t)
	zlib := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), converter.NewZlibCodec(converter.ZlibCodecOptions{AlwaysEncode: true}))
	c, err := client.NewLazyClient(client.Options{HostPort: address, Namespace: namespace, DataConverter: zlib, Logger: noLog})
	must(t, err)
	t.Cleanup(c.Close)
	p := silent
	p.DataConverter = zlib
	failing := refused("ship")
	failing.Undo = failing.Do
	d := definition(gate("paid"), failing)
	d.Retry = saga.RetryPolicy{Attempts: 2, Backoff: time.Millisecond}
	r := runner(t, d, c, p)
	must(t, r.Start(ctx, "o-7", Order{}))
	must(t, r.Deliver(ctx, "o-7", "paid", 500))
	untilWaiting(t, r, "o-7", "ship", "operator")
	eventually(ctx, t, "Temporal lists that the run is parked", func() bool {
		stuck, err := r.Stuck(ctx, time.Hour, 10)
		must(t, err)
		return len(stuck) == 1
	})
	_, err = temporal.New(d, c).With(silent).Get(ctx, "o-7")
	wantError(t, err, fault.DataLoss, "DataConverter")
	must(t, r.Skip(ctx, "o-7", "ship"))
	_, err = r.Wait(ctx, "o-7")
	wantError(t, err, fault.FailedPrecondition, "declined")
}
