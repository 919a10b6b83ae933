package rest

import (
	"net/http"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/wire"
)

// ReadMetadata is middleware that reads the metadata of each request into its context:
// the deadline, the trace, and a [call.Record] with the rest. trusted reports whether a
// request comes from a caller that is believed, such as another service of yours; nil
// trusts nobody. A trusted caller with a verified certificate has the certificate's name,
// whatever it calls itself. For a caller that is not trusted
//
//   - the name, the priority and the mark that the call was repeated already are ignored;
//   - the deadline may end the work early, but no policy counts that as a failure: see
//     [fault.Abandoned];
//   - the trace continues, and this side decides whether it is sampled.
//
// The answer carries the request's id, which is a new one if the request has none. A
// request whose deadline has passed is answered with fault.DeadlineExceeded, unprocessed.
// A route that is served without ReadMetadata reads the metadata itself, and trusts
// nobody.
func ReadMetadata(trusted func(*http.Request) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w = markHead(w, r)
			ctx, stop, err := wire.Read(r, trusted)
			defer stop()
			w.Header()[wire.HeaderRequestID] = []string{call.Of(ctx).RequestID}
			if err != nil {
				writeProblem(w, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}
