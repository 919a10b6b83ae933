package gateway

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// ShowTraces serves the last traces in r at /traces, and each of them at /traces/ID.
// Spans that r has dropped are missing.
func ShowTraces(svc *sinew.Service, r *tracing.Recorder) {
	svc.Handle("GET /traces", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		render(w, "traces", latest(r.Spans()))
	}))
	svc.Handle("GET /traces/{id}", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		id := q.PathValue("id")
		spans := slices.DeleteFunc(r.Spans(), func(s tracing.Finished) bool { return s.TraceID.String() != id })
		if len(spans) == 0 {
			rest.WriteError(w, fault.NotFound.Errorf("no trace of the last ones has the id %q", id))
			return
		}
		render(w, "trace", struct {
			ID    string
			Lines []line
		}{id, tree(spans)})
	}))
}

// shownTraces is the number of traces in the list.
const shownTraces = 200

// summary is a trace in the list.
type summary struct {
	ID, Name string
	At       time.Time
	Spans    int
	Took     time.Duration
}

// latest returns the newest traces, each represented by its first span.
func latest(spans []tracing.Finished) []summary {
	all, ends := map[tracing.TraceID]*summary{}, map[tracing.TraceID]time.Time{}
	for _, s := range spans {
		t := all[s.TraceID]
		if t == nil {
			t = &summary{ID: s.TraceID.String()}
			all[s.TraceID] = t
		}
		if t.At.IsZero() || s.Start.Before(t.At) {
			t.Name, t.At = s.Name, s.Start
		}
		if end := s.Start.Add(s.Duration); end.After(ends[s.TraceID]) {
			ends[s.TraceID] = end
		}
		t.Spans++
		t.Took = ends[s.TraceID].Sub(t.At).Round(time.Microsecond)
	}
	list := make([]summary, 0, len(all))
	for _, t := range all {
		list = append(list, *t)
	}
	slices.SortFunc(list, func(a, b summary) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	return list[:min(len(list), shownTraces)]
}

// line is a span of a trace.
type line struct {
	tracing.Finished
	Depth int
	After time.Duration // since the start of the trace
	Fault string
}

// tree returns the spans of a trace, each below its parent.
func tree(spans []tracing.Finished) (lines []line) {
	slices.SortStableFunc(spans, func(a, b tracing.Finished) int { return a.Start.Compare(b.Start) })
	below, known := map[tracing.SpanID][]tracing.Finished{}, map[tracing.SpanID]bool{}
	for _, s := range spans {
		known[s.SpanID] = true
	}
	for _, s := range spans {
		parent := s.ParentID
		if !known[parent] {
			parent = tracing.SpanID{}
		}
		below[parent] = append(below[parent], s)
	}
	var add func(parent tracing.SpanID, depth int)
	add = func(parent tracing.SpanID, depth int) {
		for _, s := range below[parent] {
			lines = append(lines, line{s, depth, s.Start.Sub(spans[0].Start).Round(time.Microsecond), s.Tags["error"]})
			if s.SpanID != parent {
				add(s.SpanID, depth+1)
			}
		}
	}
	add(tracing.SpanID{}, 0)
	return lines
}
