package rest

import (
	"context"
	"net/http"
	"strconv"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
)

// relay forwards a request, and passes on what is answered while it arrives.
func (f *forwardHandler) relay(ctx context.Context, w http.ResponseWriter, r *http.Request, op call.Operation, m *outgoing) {
	var opens arrivals
	var failures proxiedAnswers
	err := f.caller.Call(ctx, op, func(attempt context.Context, addr string) error {
		o, err := f.client.open(attempt, ctx, addr, m, func(answer *http.Response) error {
			if answer.StatusCode < 400 { // a redirect
				return nil
			}
			body, err := readAnswer(answer, f.answerLimit)
			if err != nil {
				return wire.NoAnswer(attempt, m.name, fault.CodeOf(err), err)
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

// pass writes what o has, as it arrives.
func (f *forwardHandler) pass(ctx context.Context, w http.ResponseWriter, o *opened) {
	if err := f.timeLimits.paceWriter(w).copyFrom(o); err != nil {
		logFailure(ctx, w, f.log(), f.text, err)
		reportFailure(w, err)
		panic(http.ErrAbortHandler) // nothing else says that the answer has no end
	}
}
