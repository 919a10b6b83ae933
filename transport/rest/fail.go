package rest

import (
	"encoding/json"
	"net/http"

	"github.com/sinew-go/sinew/fault"
)

// ofAnswer are headers that may tell of an answer which a problem takes the
// place of.
var ofAnswer = []string{"Content-Length", "Content-Encoding", "Cache-Control", "Etag", "Last-Modified"}

// problem is a failure as an answer.
func problem(err error) answer {
	p := fault.ProblemOf(err)
	text, encoding := json.Marshal(p)
	if encoding != nil { // a detail has no JSON form
		p.Details = nil
		text, _ = json.Marshal(p)
	}
	return answer{p.Status, text}
}

// writeProblem answers with a failure.
func writeProblem(w http.ResponseWriter, err error) {
	if wait := fault.RetryAfter(err); wait > 0 {
		w.Header().Set("Retry-After", wholeSeconds(wait))
	}
	problem(err).write(w)
}

var errInternal = fault.Internal.Errorf("internal error")

// Fail answers a request with err, which must not be nil, as a problem document:
// what every route does.
func Fail(w http.ResponseWriter, err error) { writeProblem(w, err) }
