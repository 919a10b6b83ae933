package temporal_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/temporal"
)

var update = flag.Bool("update", false, "write the golden histories of testdata")

// broad is a saga that does all that a saga can do, apart from Undos.
func broad() saga.Definition[Order] {
	paid := gate("paid")
	paid.Timeout = time.Hour
	pause := step("remind")
	pause.Pause = 10 * time.Millisecond
	missing := gate("missing")
	missing.Timeout = 10 * time.Millisecond
	missing.Do = step("missing").Do
	pivot := step("charge")
	pivot.Pivot = true
	d := definition(step("reserve"), paid, pause, missing, saga.Step[Order]{Name: "both", Parallel: []saga.Step[Order]{
		step("invoice"), {Name: "ship", Steps: []saga.Step[Order]{step("label"), unreliable("parcel")}},
	}}, pivot, gate("skipped"), step("thank"))
	d.Retry = saga.RetryPolicy{Backoff: time.Millisecond, MaxBackoff: time.Millisecond}
	return d
}

// failing is a saga that is undone, after an Undo was parked.
func failing() saga.Definition[Order] {
	stubborn := unreliable("pay")
	stubborn.Undo = unreliable("pay").Do
	stubborn.Retry = saga.RetryPolicy{Attempts: 1}
	blocked := step("blocked")
	blocked.Do = func(ctx context.Context, o Order) (Order, error) { <-ctx.Done(); return o, ctx.Err() }
	both := saga.Step[Order]{Name: "both", Parallel: []saga.Step[Order]{blocked, stubborn}}
	return definition(step("reserve"), both, step("never"))
}

// unreliable returns a step whose first call fails in each run.
func unreliable(name string) saga.Step[Order] {
	s, called := step(name), new(sync.Map)
	s.Do = func(_ context.Context, o Order) (Order, error) {
		if _, isRepeat := called.LoadOrStore(o.ID, true); !isRepeat {
			return o, fault.Unavailable.Errorf("down")
		}
		return o, nil
	}
	return s
}

// recordings make histories on a server, by name of a file.
var recordings = map[string]struct {
	definition func() saga.Definition[Order]
	play       func(ctx context.Context, t *testing.T, r *temporal.Runner[Order])
	want       saga.Phase
}{
	"broad": {definition: broad, want: saga.Done, play: func(ctx context.Context, t *testing.T, r *temporal.Runner[Order]) {
		must(t, r.Deliver(ctx, "o-7", "paid", 500))
		untilWaiting(t, r, "o-7", "skipped", "event")
		must(t, r.Deliver(ctx, "o-7", "paid", 500))
		must(t, r.Skip(ctx, "o-7", "skipped"))
	}},
	"failing": {definition: failing, want: saga.Undone, play: func(ctx context.Context, t *testing.T, r *temporal.Runner[Order]) {
		untilWaiting(t, r, "o-7", "both/pay", "operator")
		must(t, r.Retry(ctx, "o-7"))
	}},
	"cancelled": {definition: broad, want: saga.Undone, play: func(ctx context.Context, t *testing.T, r *temporal.Runner[Order]) {
		untilWaiting(t, r, "o-7", "paid", "event")
		must(t, r.Cancel(ctx, "o-7"))
	}},
}

func TestTemporalReplaysWhatWasRecorded(t *testing.T) {
	server := realserver.Temporal(t)
	spaces := namespaces(t, server.Addr, len(recordings))
	for name, recording := range recordings {
		c := dial(t, server.Addr, spaces[0])
		spaces = spaces[1:]
		t.Run(name, func(t *testing.T) {
			ctx, r := withPatience(t), runner(t, recording.definition(), c, silent)
			must(t, r.Start(ctx, "o-7", Order{ID: "o-7"}))
			recording.play(ctx, t, r)
			if end, err := r.Wait(ctx, "o-7"); end.Phase != recording.want {
				t.Fatalf("the run is %s (%v), want %s: %+v", end.Phase, err, recording.want, end.History)
			}
			recorded := historyOf(ctx, t, c, "checkout/o-7")
			must(t, replay(recording.definition(), recorded))
			if *update {
				text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(recorded)
				must(t, err)
				host, err := os.Hostname() // is in the names of some queues
				must(t, err)
				text = bytes.ReplaceAll(append(text, '\n'), []byte(host+":"), []byte("host:"))
				must(t, os.WriteFile(golden(name), text, 0o600))
			}
		})
	}
}

// A change of what a workflow does breaks the runs that are under way. If this test fails,
// the workflow needs workflow.GetVersion.
func TestTemporalReplaysHistoriesOfEarlierWorkers(t *testing.T) {
	for name, recording := range recordings {
		recorded := read(t, golden(name))
		events := recorded.GetEvents()
		for end := 3; end <= len(events); end++ { // as far as any worker may have come
			if end < len(events) && isCommand(events[end]) { // it is stored with the event before it
				continue
			}
			if err := replay(recording.definition(), &history.History{Events: events[:end]}); err != nil {
				t.Fatalf("%s, the first %d events: %v", name, end, err)
			}
		}
	}
}

func TestTheReplayFindsAChangedDefinition(t *testing.T) {
	recorded := read(t, golden("broad"))
	for what, change := range map[string]func(*saga.Definition[Order]){
		"another name": func(d *saga.Definition[Order]) { d.Steps[0].Name = "book" },
		"a step more":  func(d *saga.Definition[Order]) { d.Steps = slices.Insert(d.Steps, 1, step("more")) },
		"a step less":  func(d *saga.Definition[Order]) { d.Steps = d.Steps[1:] },
		"no version":   func(d *saga.Definition[Order]) { d.Version = 2 },
	} {
		d := broad()
		change(&d)
		if err := replay(d, recorded); err == nil {
			t.Errorf("%s: the history fits", what)
		}
	}
	last := broad()
	last.Version, last.Steps = 2, []saga.Step[Order]{step("other")}
	last.Earlier = []saga.Definition[Order]{broad()}
	must(t, replay(last, recorded))
}

// isCommand reports whether a worker has made an event.
func isCommand(e *history.HistoryEvent) bool {
	switch e.GetEventType() {
	case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enums.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED, enums.EVENT_TYPE_TIMER_STARTED, enums.EVENT_TYPE_TIMER_CANCELED,
		enums.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED, enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return true
	}
	return false
}

func golden(name string) string { return filepath.Join("testdata", name+".json") }

// replay computes a history with the definition.
func replay(d saga.Definition[Order], recorded *history.History) error {
	replayer := worker.NewWorkflowReplayer()
	c, err := client.NewLazyClient(client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	temporal.New(d, c).Register(replayer)
	return replayer.ReplayWorkflowHistory(noLog, recorded)
}

func read(t *testing.T, file string) *history.History {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	recorded, err := client.HistoryFromJSON(strings.NewReader(string(text)), client.HistoryJSONOptions{})
	must(t, err)
	return recorded
}

func historyOf(ctx context.Context, t *testing.T, c client.Client, workflow string) *history.History {
	t.Helper()
	recorded := &history.History{}
	for all := c.GetWorkflowHistory(ctx, workflow, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); all.HasNext(); {
		event, err := all.Next()
		must(t, err)
		recorded.Events = append(recorded.Events, event)
	}
	return recorded
}
