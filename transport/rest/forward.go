package rest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/wire"
)

// forwardHandler forwards the requests of one route.
type forwardHandler struct {
	*contract
	log      func() *slog.Logger
	caller   call.Caller
	client   sender
	stopping <-chan struct{} // nil if nobody says that the service stops
}

// proxied is the answer to one attempt.
type proxied struct {
	status int
	header http.Header
	body   []byte
	err    error // that the answer describes
}

// hopByHop are the headers that must not pass a hop, or that each hop writes itself.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Host", "Expect",
	wire.HeaderTimeout, wire.HeaderUntrusted, wire.HeaderService, wire.HeaderAttempt, wire.HeaderPriority, wire.HeaderRequestID, wire.HeaderKey,
	"Traceparent", wire.HeaderState, "B3", "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Flags",
}

// ServeHTTP implements [http.Handler].
func (f *forwardHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w = markHead(w, r)
	ctx, stop, err := wire.Read(r, nil)
	defer stop()
	if err != nil {
		writeProblem(w, err)
		return
	}
	ctx, _, release := f.stream(ctx, w, r, f.stopping)
	defer release()
	m, err := f.outgoing(w, r.WithContext(ctx), call.Of(ctx))
	if err != nil {
		writeProblem(w, err)
		return
	}
	op := f.op
	op.Safe = (f.isIdempotent() || m.key != "") && m.upload == nil
	if f.hasStreamedAnswer() {
		f.relay(ctx, w, r, op, &m)
		return
	}
	var answers proxiedAnswers
	err = f.caller.Call(ctx, op, func(ctx context.Context, addr string) error {
		status, header, body, err := f.client.exchange(ctx, addr, &m, f.answerLimit)
		if err != nil {
			return err
		}
		if status >= 400 {
			err = failureOf(m, status, header, body)
		}
		answers.add(proxied{status, header, body, err})
		return err
	})
	f.boundRest(w)
	answer := answers.forError(err)
	if answer == nil && err != nil {
		logFailure(ctx, w, f.log(), f.text, err)
		writeProblem(w, err)
		return
	}
	if err != nil {
		reportFailure(w, err)
	}
	answer.write(w, r.Method == http.MethodHead)
}

// outgoing returns the request to send on.
func (f *forwardHandler) outgoing(w http.ResponseWriter, r *http.Request, record *call.Record) (m outgoing, err error) {
	m = outgoing{name: f.text, method: r.Method, path: f.withoutPrefix(r.URL.EscapedPath()), header: endToEnd(r.Header)}
	delete(m.header, "Accept-Encoding") // each hop's HTTP client chooses that itself
	if m.key, err = wire.IncomingKey(record, r, f.keyed); err != nil {
		return m, err
	}
	if r.URL.RawQuery != "" {
		m.path += "?" + r.URL.RawQuery
	}
	if !f.hasBody() || r.ContentLength == 0 {
		return m, nil
	}
	if f.request.whole.isStreamed() {
		from, err := f.streamedBody(w, r)
		if err == nil {
			m.upload = &upload{size: r.ContentLength, isPassedOn: true, abandon: func() { f.boundRest(w) }, write: func(w io.Writer) error {
				_, err := io.Copy(w, from)
				return err
			}}
		}
		return m, err
	}
	m.body, err = readBody(w, r, f.bodyLimit)
	if len(m.body) == 0 {
		m.body = nil
	}
	return m, err
}

func (p *proxied) write(w http.ResponseWriter, head bool) {
	p.writeHeader(w, head)
	_, _ = w.Write(p.body) // an error means that the caller is gone
}

func (p *proxied) writeHeader(w http.ResponseWriter, head bool) {
	for name, values := range endToEnd(p.header) {
		w.Header()[name] = values
	}
	if length := p.header["Content-Length"]; head && length != nil { // that of a GET
		w.Header()["Content-Length"] = length
	}
	w.WriteHeader(p.status)
}

// endToEnd returns the headers that may pass a hop.
func endToEnd(h http.Header) http.Header {
	var hopNames []string // headers that the sender declares to be for this hop only
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			hopNames = append(hopNames, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	out := make(http.Header, len(h))
	for name, values := range h {
		if !slices.Contains(hopByHop, name) && !slices.Contains(hopNames, name) && !strings.HasPrefix(name, "Proxy-") {
			out[name] = values
		}
	}
	return out
}
