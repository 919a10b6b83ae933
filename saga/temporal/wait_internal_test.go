package temporal

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

// Otherwise a Wait would ask again and again.
func TestAWaitForStepsSleepsWhileNothingMoves(t *testing.T) {
	server := realserver.Temporal(t)
	c, err := client.NewLazyClient(client.Options{HostPort: server.Addr, Logger: log.NewStructuredLogger(discard)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	event := saga.On(func(_ context.Context, n numbers, _ int) (numbers, error) { return n, nil })
	r := New(saga.Definition[numbers]{Name: "checkout", Steps: []saga.Step[numbers]{{Name: "paid", Event: event}}}, c).With(Policy{Logger: discard})
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := r.Start(ctx, "1", numbers{}); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	defer running.Wait()
	working, stop := context.WithCancel(ctx)
	defer stop()
	running.Go(func() { r.Run(working) })

	p := &past{}
	for before := int64(-1); p.events != before || len(p.run.Nodes) == 0; <-time.After(200 * time.Millisecond) {
		before = p.events
		if p, err = r.load(ctx, "1"); err != nil {
			t.Fatal(err)
		}
	}
	moved := make(chan error, 1)
	running.Go(func() { moved <- r.untilMoved(ctx, "1", p, true) })
	select {
	case err := <-moved:
		t.Errorf("the wait ended (%v), and nothing had moved", err)
	case <-time.After(300 * time.Millisecond):
	}
	if err := r.Deliver(ctx, "1", "paid", 1); err != nil {
		t.Fatal(err)
	}
	if err := <-moved; err != nil {
		t.Error(err)
	}
}

// What a worker computes right now may come out differently, if something else comes.
func TestAReaderComputesOnlyWhatAWorkerHasFinished(t *testing.T) {
	text, err := os.Open("testdata/cancelled.json")
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	recorded, err := client.HistoryFromJSON(text, client.HistoryJSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	same := func(_ context.Context, n numbers) (numbers, error) { return n, nil }
	event := saga.On(func(_ context.Context, n numbers, _ int) (numbers, error) { return n, nil })
	c, err := client.NewLazyClient(client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := New(saga.Definition[numbers]{Name: "checkout", Steps: []saga.Step[numbers]{
		{Name: "reserve", Do: same, Undo: same}, {Name: "paid", Event: event, Timeout: time.Hour},
	}}, c)
	computed := func(events []*history.HistoryEvent) int {
		first := flow.New(r.program.NewHeader(t.Context(), "o-7"), []byte("{}"), time.Time{})
		i := r.newInterpreter(r.program.Current(), input{Run: first}, time.Time{})
		if err := r.replay(&i, events); err != nil {
			t.Fatal(err)
		}
		return len(i.history)
	}
	var finished, started int // entries, by the events of the last worker
	for n, e := range recorded.GetEvents() {
		switch e.GetEventType() {
		case enums.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
			finished = computed(recorded.GetEvents()[:n])
		case enums.EVENT_TYPE_WORKFLOW_TASK_STARTED:
			if started = computed(recorded.GetEvents()[:n+1]); started != finished {
				t.Errorf("after event %d there are %d entries, want %d as before the worker started", n+1, started, finished)
			}
		}
	}
	if finished < 3 {
		t.Error("no worker has finished anything")
	}
}
