package callctx_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
)

var reserve = call.Operation{Service: "stock", Name: "POST /reserve"}

func TestATrailHasTheClassOfItsErrorAndDoesNotCrossTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := callctx.With(t.Context(), call.Record{Operation: reserve, From: "shop", Start: time.Now(), Deadline: time.Now().Add(time.Minute)})
		refused := fault.Unavailable.Errorf("connection refused")
		c.Note(call.Step{Attempt: 1, Instance: "stock-3", Took: 12 * time.Millisecond, Err: refused})
		bubble.Sleep(35 * time.Millisecond)
		last := fault.Internal.Errorf("out of shelves").WithReason("no_shelf")
		c.Note(call.Step{Attempt: 2, Instance: "stock-7", Began: 32 * time.Millisecond, Took: 3 * time.Millisecond, Err: last})
		c.Note(call.Step{Attempt: 3, Err: last})
		err := error(c.End(fault.MarkRepeated(last), ""))

		const want = "internal: out of shelves (no_shelf) (attempt 1: stock-3 after 12ms: unavailable: connection refused; attempt 2: stock-7 after 3ms; attempt 3: refused)"
		if err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
		wrapped := fault.FailedPrecondition.Errorf("the order stays open: %w", err)
		if !errors.Is(wrapped, fault.Internal) || !fault.IsRepeated(err) || !fault.IsRepeated(wrapped) || fault.ReasonOf(err) != "no_shelf" || fault.CodeOf(err) != fault.Internal {
			t.Errorf("%v, repeated %v, code %v", wrapped, fault.IsRepeated(wrapped), fault.CodeOf(err))
		}
		for _, seen := range []error{err, wrapped, fault.MarkRepeated(err), fault.WithService(err, "stock")} {
			text, _ := json.Marshal(fault.ProblemOf(seen))
			if strings.Contains(string(text), "attempt") || strings.Contains(string(text), "stock-") {
				t.Errorf("a caller sees %s", text)
			}
		}
		trail, ok := errors.AsType[*call.Trail](wrapped)
		if !ok || trail.Took != 35*time.Millisecond || trail.Limit != time.Minute || trail.From != "shop" || trail.Operation != reserve || len(trail.Steps) != 3 {
			t.Errorf("%+v", trail)
		}
	})
}

func TestATrailOfAnUnexplainedCallIsBounded(t *testing.T) {
	for _, tt := range []struct {
		asked          bool
		steps, dropped int
	}{
		{asked: false, steps: 8, dropped: 12},
		{asked: true, steps: 20, dropped: 0},
	} {
		r := call.Record{Operation: reserve}
		if tt.asked {
			r.Explanation = &call.Explanation{}
		}
		_, c := callctx.With(t.Context(), r)
		for n := range 20 {
			c.Note(call.Step{Attempt: n + 1, Err: fault.Internal})
		}
		trail := c.End(fault.Internal, "")
		if len(trail.Steps) != tt.steps || trail.Dropped != tt.dropped || trail.Steps[6].Attempt != 7 || trail.Steps[len(trail.Steps)-1].Attempt != 20 {
			t.Errorf("explained %v: %+v", tt.asked, trail)
		}
		if text := trail.Error(); !tt.asked && !strings.Contains(text, "attempt 7: refused; 12 more; attempt 20: refused)") {
			t.Error(text)
		}
	}
	_, c := callctx.With(t.Context(), call.Record{})
	c.Note(call.Step{Attempt: 1, Err: errors.New(strings.Repeat("ä", 10_000))})
	if text := c.End(fault.Internal, "").Error(); len(text) > 1000 || strings.ContainsRune(text, '\uFFFD') {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}

func TestConcurrentAttemptsShareOneTrail(t *testing.T) {
	_, c := callctx.With(t.Context(), call.Record{Operation: reserve})
	fork := c.Fork()
	var other sync.WaitGroup
	other.Go(func() {
		_, second := fork.With(t.Context())
		second.Note(call.Step{Attempt: 2, Err: fault.Unavailable})
	})
	c.Note(call.Step{Attempt: 1, Err: fault.Internal})
	other.Wait()
	if trail := c.End(fault.Internal, ""); len(trail.Steps) != 2 {
		t.Errorf("%+v", trail)
	}
}

func TestANestedCallHasATrailOfItsOwn(t *testing.T) {
	ctx, c := callctx.With(t.Context(), call.Record{Operation: reserve})
	_, inner := callctx.With(ctx, callctx.Outgoing(ctx, call.Operation{Name: "GET /shelf"}))
	inner.Note(call.Step{Attempt: 1, Err: fault.Internal})
	c.Note(call.Step{Attempt: 1, Err: fault.Unavailable})
	if trail := c.End(fault.Internal, ""); len(trail.Steps) != 1 || trail.Steps[0].Err != error(fault.Unavailable) {
		t.Errorf("%+v", trail)
	}
}

func TestATrailReadsAsJSON(t *testing.T) {
	_, c := callctx.With(t.Context(), call.Record{Operation: reserve, Start: time.Now()})
	c.Note(call.Step{Attempt: 1, Instance: "stock-3", Took: 1500 * time.Microsecond, Err: fault.Unavailable.Errorf("full"), Situation: &call.Situation{
		Breaker: "closed", Candidates: []call.Candidate{{ID: "stock-3", Latency: 0.5}, {ID: "stock-4", Excluded: "ejected"}},
	}})
	text, err := json.Marshal(c.End(fault.Internal.Errorf("broken"), "no answer"))
	if err != nil {
		t.Fatal(err)
	}
	const step = `{"attempt":1,"began":"0s","code":"unavailable","error":"unavailable: full","instance":"stock-3","situation":{"breaker":"closed","limit":0,"in_flight":0,"budget":0,` +
		`"candidates":[{"id":"stock-3","in_flight":0,"latency_seconds":0.5},{"id":"stock-4","in_flight":0,"latency_seconds":0,"excluded":"ejected"}]},"took":"1.5ms"}`
	for _, want := range []string{`"service":"stock"`, `"operation":"POST /reserve"`, `"code":"internal"`, `"error":"internal: broken"`, `"ended":"no answer"`, `"steps":[` + step + `]`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s\nhas no %s", text, want)
		}
	}
}

func TestAnExplanationStoresAThousandCalls(t *testing.T) {
	why := &call.Explanation{}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range 300 {
				_, c := callctx.With(t.Context(), call.Record{Operation: reserve, Explanation: why})
				c.End(nil, "")
				if n%100 == 0 {
					_ = why.String()
				}
			}
		})
	}
	all.Wait()
	text, err := json.Marshal(why)
	if len(why.Calls()) != 1000 || err != nil || !strings.HasSuffix(string(text), `"dropped":200}`) || !strings.HasSuffix(why.String(), "and 200 more calls\n") {
		t.Errorf("%d calls, %v", len(why.Calls()), err)
	}
}

func TestAnUnfinishedCallIsInItsExplanation(t *testing.T) {
	why := &call.Explanation{}
	_, c := callctx.With(t.Context(), call.Record{Operation: reserve, Explanation: why})
	if !c.Explained() || why.String() != "POST /reserve of stock goes on\n" {
		t.Errorf("%q", why)
	}
	c.Note(call.Step{Attempt: 1, Instance: "stock-1"})
	before := why.Calls()
	c.Note(call.Step{Attempt: 2, Instance: "stock-2"})
	if len(before) != 1 || fmt.Sprint(len(before[0].Steps), before[0].Took) != "1 -1ns" || len(why.Calls()[0].Steps) != 2 {
		t.Errorf("%+v", before)
	}
}

func TestARecordThatExplainsNothingCostsOneAllocation(t *testing.T) {
	if got := testing.AllocsPerRun(1000, func() {
		_, c := callctx.With(t.Context(), call.Record{Operation: reserve})
		if c.Explained() {
			t.Error("nobody asked")
		}
	}); got != 1 {
		t.Errorf("%v allocations", got)
	}
}

func TestATrailSaysWhyNoFurtherAttemptFollowed(t *testing.T) {
	_, c := callctx.With(t.Context(), call.Record{Operation: reserve})
	c.NoteStop("of no attempt")
	if trail := c.End(fault.Internal, ""); trail.Stopped != "" {
		t.Errorf("without an attempt: %s", trail)
	}
	_, c = callctx.With(t.Context(), call.Record{Operation: reserve})
	c.Note(call.Step{Attempt: 1, Instance: "stock-3", Err: fault.Internal})
	c.NoteStop("the first reason")
	c.NoteStop("the budget is spent")
	err := c.End(fault.Internal, "")
	if want := "internal (attempt 1: stock-3; no further attempt: the budget is spent)"; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if text, _ := json.Marshal(err); !strings.Contains(string(text), `"stopped":"the budget is spent"`) {
		t.Errorf("%s", text)
	}
	(&callctx.Call{}).NoteStop("nobody keeps it")
}
