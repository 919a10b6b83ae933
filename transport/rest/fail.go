package rest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/sinew-go/sinew/fault"
)

// ofAnswer are headers that may tell of an answer which a problem takes the
// place of.
var ofAnswer = []string{
	"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Range",
	"Etag", "Expires", "Last-Modified",
}

// problem is a failure as an answer.
func problem(err error) answer {
	p := fault.ProblemOf(err)
	text, encoding := json.Marshal(p)
	if encoding != nil { // a detail has no JSON form
		p.Details = nil
		text, _ = json.Marshal(p)
	}
	return answer{p.Status, text, err}
}

// writeProblem answers with a failure.
func writeProblem(w http.ResponseWriter, err error) { problem(err).write(w) }

// announce gets w ready for a problem.
func (a answer) announce(w http.ResponseWriter) {
	for _, name := range ofAnswer {
		delete(w.Header(), name)
	}
	if wait := fault.RetryAfter(a.err); wait > 0 {
		w.Header().Set("Retry-After", wholeSeconds(wait))
	}
	tell(w, a.err)
}

// tell gives a failure to the writer that asks for it.
func tell(w http.ResponseWriter, err error) {
	for {
		switch at := w.(type) {
		case interface{ Failed(err error) }:
			at.Failed(err)
			return
		case interface{ Unwrap() http.ResponseWriter }:
			w = at.Unwrap()
		default:
			return
		}
	}
}

var errInternal = fault.Internal.Errorf("internal error")

// Fail answers a request with err, which must not be nil, as a problem document:
// what every route does. Headers that w has of the body of another answer go.
func Fail(w http.ResponseWriter, err error) { writeProblem(w, err) }

// complain logs what the caller is not shown, loudly where something failed.
func complain(ctx context.Context, log *slog.Logger, what, route string, err error) {
	level := slog.LevelDebug
	if fault.Classify(ctx, err) == fault.Failure {
		level = slog.LevelWarn
	}
	log.Log(ctx, level, what, "route", route, "error", err)
}
