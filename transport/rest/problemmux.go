package rest

import (
	"net/http"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
)

// ProblemMux serves mux, with the 404 and 405 that mux answers itself, and the 400 to a
// request for * instead of a path, as problem documents. It panics if mux is nil.
func ProblemMux(mux *http.ServeMux) http.Handler {
	if mux == nil {
		panic("rest.ProblemMux: the mux is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w = markHead(w, r)
		if r.RequestURI == "*" {
			w.Header().Set("Connection", "close")
			writeProblem(w, fault.InvalidArgument.Errorf("a request needs a path; * is none").WithUnprocessed())
			return
		}
		refusal, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		recorder := &statusRecorder{header: http.Header{}}
		refusal.ServeHTTP(recorder, r)
		if recorder.status == http.StatusMethodNotAllowed {
			w.Header()["Allow"] = recorder.header["Allow"]
			writeProblem(w, fault.Unimplemented.Errorf("%s is not for %s; it accepts %s", ellipsis.Cut(r.URL.Path, maxQuotedError), shorten(r.Method), recorder.header.Get("Allow")).
				WithStatus(http.StatusMethodNotAllowed))
			return
		}
		writeProblem(w, fault.NotFound.Errorf("nothing is served at %s", ellipsis.Cut(r.URL.Path, maxQuotedError)).WithReason(fault.ReasonUnknownPath).WithUnprocessed())
	})
}

// statusRecorder records the status and the headers that a mux answers with, and drops the
// body.
type statusRecorder struct {
	header http.Header
	status int
}

func (r *statusRecorder) Header() http.Header         { return r.header }
func (r *statusRecorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *statusRecorder) WriteHeader(status int)      { r.status = status }
