package resttest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/sinew-go/sinew/transport/rest"
)

// Fake stands for another service in a test: a [rest.Mux] that records what is called. The
// zero Fake serves nothing, and its caller gets fault.Unimplemented. It is safe for
// concurrent use.
type Fake struct {
	mux      http.ServeMux
	mu       sync.Mutex
	requests []*request
	codecs   map[string]rest.Codecs // by pattern
}

// request is a recorded request.
type request struct {
	*http.Request
	body bytes.Buffer // what the handler has read of it
}

// Handle serves the pattern with h, as [rest.Mux] has it.
func (f *Fake) Handle(pattern string, h http.Handler) {
	f.mux.Handle(pattern, h)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.codecs == nil {
		f.codecs = map[string]rest.Codecs{}
	}
	f.codecs[pattern] = codecsOf(h)
}

// codecsOf returns the codecs of a route, by its handler.
func codecsOf(h http.Handler) rest.Codecs {
	for {
		switch at := h.(type) {
		case interface{ Codecs() rest.Codecs }:
			return at.Codecs()
		case interface{ Unwrap() http.Handler }:
			h = at.Unwrap()
		default:
			return nil
		}
	}
}

// codecsFor returns the codecs of the route that is served at a pattern.
func (f *Fake) codecsFor(pattern string) rest.Codecs {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.codecs[pattern]
}

// Logger returns a logger for panics. The failures that a fake answers are not logged: they
// are what the test wants.
func (f *Fake) Logger() *slog.Logger { return slog.New(errorsOnly{slog.Default().Handler()}) }

// Security returns one that protects nothing: a fake serves whoever calls.
func (f *Fake) Security() *rest.Security { return &rest.Security{} }

// ServeHTTP implements [http.Handler].
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	recorded := &request{Request: r.Clone(context.WithoutCancel(r.Context()))}
	_, recorded.Pattern = f.mux.Handler(r)
	f.mu.Lock()
	f.requests = append(f.requests, recorded)
	f.mu.Unlock()
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &recordingBody{r.Body, f, recorded}
	}
	rest.ProblemMux(&f.mux).ServeHTTP(w, r)
}

// recordingBody records what is read.
type recordingBody struct {
	io.ReadCloser
	fake *Fake
	into *request
}

// Read implements io.Reader.
func (b *recordingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.fake.mu.Lock()
	defer b.fake.mu.Unlock()
	b.into.body.Write(p[:n])
	return n, err
}

// Requests returns the requests so far, in the order of their arrival, each with the
// Pattern that it matched and with what was read of its body.
func (f *Fake) Requests() []*http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]*http.Request, len(f.requests))
	for i, recorded := range f.requests {
		all[i] = recorded.Clone(recorded.Context())
		all[i].Body = io.NopCloser(bytes.NewReader(bytes.Clone(recorded.body.Bytes())))
	}
	return all
}

// Calls returns the requests of a route so far, in the order of their arrival, as its
// endpoint got them: those that the route refuses itself are left out. For a route under a
// [rest.Prefix] see [Fake.Requests].
func Calls[Req, Resp any](f *Fake, route rest.Route[Req, Resp]) (all []Req) {
	for _, r := range f.Requests() {
		if r.Pattern != route.Pattern {
			continue
		}
		mux := &silent{}
		route.Handle(f.codecsFor(route.Pattern).Mux(mux), func(_ context.Context, request Req) (answer Resp, err error) {
			all = append(all, request)
			return answer, nil
		})
		mux.ServeHTTP(httptest.NewRecorder(), r)
	}
	return all
}

// silent is a mux whose failures are not logged.
type silent struct{ http.ServeMux }

// Logger returns a logger that discards.
func (*silent) Logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Security returns one that protects nothing: what is read again was let in before.
func (*silent) Security() *rest.Security { return &rest.Security{} }

// errorsOnly logs what is an error of the test itself.
type errorsOnly struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (errorsOnly) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
