package rest

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/wire"
)

// relay forwards a request, and passes on what is answered while it arrives.
func (f *forwardHandler) relay(
	ctx context.Context, w http.ResponseWriter, r *http.Request, op call.Operation, m *outgoing,
) {
	var opens arrivals
	var failures proxiedAnswers
	err := f.caller.Call(ctx, op, func(attempt context.Context, addr string) error {
		o, err := f.client.open(attempt, ctx, addr, m, func(answer *http.Response) error {
			if answer.StatusCode < 400 { // a redirect
				return nil
			}
			body, err := readAnswer(attempt, m.name, answer, f.answerLimit)
			if err != nil {
				return err
			}
			err = failureOf(*m, answer.StatusCode, answer.Header, body)
			failures.add(proxied{answer.StatusCode, answer.Header, body, err})
			return err
		})
		if err == nil {
			opens.add(o)
		}
		return err
	})
	o, err := opens.finish(f.text, err)
	if answer := failures.forError(err); answer != nil && err != nil {
		reportFailure(w, err)
		answer.write(w, r.Method == http.MethodHead)
		return
	}
	if err != nil {
		logFailure(ctx, w, f.log(), f.text, err)
		writeProblem(w, err)
		return
	}
	defer func() { _ = o.Close() }()
	if o.length >= 0 && r.Method != http.MethodHead {
		w.Header().Set("Content-Length", strconv.FormatInt(o.length, 10))
	}
	(&proxied{status: o.status, header: o.header}).writeHeader(w, r.Method == http.MethodHead)
	if r.Method != http.MethodHead {
		f.pass(ctx, w, o)
	}
}

// pass writes what o has, as it arrives. Where a stream of values ends too early, between
// two of them, it writes the failure as its end.
func (f *forwardHandler) pass(ctx context.Context, w http.ResponseWriter, o *opened) {
	paced := f.timeLimits.paceWriter(w)
	from := &lastBytes{Reader: o}
	if f.answerLimit > 0 && f.values == nil {
		from.Reader = &boundedAnswer{o, f.answerLimit}
	}
	err := paced.copyFrom(from)
	if err == nil {
		return
	}
	logFailure(ctx, w, f.log(), f.text, err)
	reportFailure(w, err)
	isLines := !strings.HasPrefix(o.header.Get(contentTypeName), wire.EventStream)
	if f.values == nil || o.status != http.StatusOK || !from.isBetween(isLines) {
		panic(http.ErrAbortHandler) // nothing else says that the answer has no end
	}
	_, _ = paced.Write(appendEnd(nil, isLines, problem(err).Body))
}

// lastBytes remembers the last two bytes that were read.
type lastBytes struct {
	io.Reader
	last [2]byte
}

// Read implements [io.Reader].
func (l *lastBytes) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	switch {
	case n == 1:
		l.last = [2]byte{l.last[1], p[0]}
	case n > 1:
		l.last = [2]byte(p[n-2 : n])
	}
	return n, err
}

// isBetween reports whether what was read ends between two values.
func (l *lastBytes) isBetween(isLines bool) bool {
	return l.last == [2]byte{'\n', '\n'} || l.last == [2]byte{} || isLines && l.last[1] == '\n'
}
