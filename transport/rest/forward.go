package rest

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/endpoint"
)

// forwarding passes the requests of one route on.
type forwarding struct {
	*contract
	log    func() *slog.Logger
	caller endpoint.Caller
	client sender
}

// passed is the answer of an attempt.
type passed struct {
	status int
	header http.Header
	body   []byte
	err    error // that it tells of
}

// held are headers that do not go past a hop, or that each hop writes itself.
var held = []string{
	"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Host", "Expect",
	headerTimeout, headerForeign, headerService, headerAttempt, headerPriority, headerRequestID, headerKey,
	"Traceparent", headerState, "B3", "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Flags",
}

// ServeHTTP implements [http.Handler].
func (f *forwarding) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w = asked(w, r)
	ctx, stop, err := accepted(r, nil)
	defer stop()
	if err != nil {
		writeProblem(w, err)
		return
	}
	f.limits.begin(w, r)
	m, err := f.message(w, r, endpoint.CallOf(ctx))
	if err != nil {
		writeProblem(w, err)
		return
	}
	op := f.op
	op.Safe = f.idempotent() || m.key != ""
	var answers answers
	err = f.caller.Call(ctx, op, func(ctx context.Context, addr string) error {
		status, header, body, err := f.client.exchange(ctx, addr, &m, f.answerLimit)
		if err != nil {
			return err
		}
		if status >= 400 {
			err = failure(m, status, header, body)
		}
		answers.add(passed{status, header, body, err})
		return err
	})
	answer := answers.of(err)
	if answer == nil && err != nil {
		complain(ctx, w, f.log(), f.text, err)
		writeProblem(w, err)
		return
	}
	if err != nil {
		tell(w, err)
	}
	answer.write(w, r.Method == http.MethodHead)
}

// message is the request as it goes on.
func (f *forwarding) message(w http.ResponseWriter, r *http.Request, call *endpoint.Call) (m message, err error) {
	m = message{name: f.text, method: r.Method, path: r.URL.EscapedPath(), header: passable(r.Header)}
	delete(m.header, "Accept-Encoding") // the hop's own
	if m.key, err = f.incomingKey(call, r); err != nil {
		return m, err
	}
	if r.URL.RawQuery != "" {
		m.path += "?" + r.URL.RawQuery
	}
	if !f.takesBody() || r.ContentLength == 0 {
		return m, nil
	}
	m.body, err = readBody(w, r, f.limit)
	if len(m.body) == 0 {
		m.body = nil
	}
	m.undeclared = m.header["Content-Type"] == nil
	return m, err
}

func (p *passed) write(w http.ResponseWriter, head bool) {
	for name, values := range passable(p.header) {
		w.Header()[name] = values
	}
	if length := p.header["Content-Length"]; head && length != nil { // of what GET would bring
		w.Header()["Content-Length"] = length
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body) // a caller that is gone hears nothing
}

// passable is what of a header goes past a hop.
func passable(h http.Header) http.Header {
	var named []string // as for this hop alone, by its sender
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			named = append(named, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	out := make(http.Header, len(h))
	for name, values := range h {
		if !slices.Contains(held, name) && !slices.Contains(named, name) && !strings.HasPrefix(name, "Proxy-") {
			out[name] = values
		}
	}
	return out
}
