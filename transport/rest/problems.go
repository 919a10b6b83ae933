package rest

import (
	"net/http"

	"github.com/sinew-go/sinew/fault"
)

// unknownPath is the reason of a 404 that no handler gave.
const unknownPath = "unknown_path"

// ProblemMux is mux with the 404 and 405 that it answers itself as problem
// documents. It panics when mux is nil.
func ProblemMux(mux *http.ServeMux) http.Handler {
	if mux == nil {
		panic("rest.ProblemMux: the mux is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w = asked(w, r)
		refusal, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		held := &refused{header: http.Header{}}
		refusal.ServeHTTP(held, r)
		if held.status == http.StatusMethodNotAllowed {
			w.Header()["Allow"] = held.header["Allow"]
			writeProblem(w, fault.Unimplemented.Errorf("%s is not for %s; it takes %s", cut(r.URL.Path, maxSaid), shortened(r.Method), held.header.Get("Allow")).
				WithStatus(http.StatusMethodNotAllowed))
			return
		}
		writeProblem(w, fault.NotFound.Errorf("nothing is served at %s", cut(r.URL.Path, maxSaid)).WithReason(unknownPath).WithUnprocessed())
	})
}

// refused takes in what a mux answers.
type refused struct {
	header http.Header
	status int
}

func (r *refused) Header() http.Header         { return r.header }
func (r *refused) Write(b []byte) (int, error) { return len(b), nil }
func (r *refused) WriteHeader(status int)      { r.status = status }
