package rest

import (
	"context"
	"net/http/httptrace"
	"sync"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// again watches for what net/http does by itself: a request that went out on a kept
// connection which was closed before an answer came goes out on another one, if it
// has no body or can have it again, and is idempotent by its method or its key. That
// is no attempt of the caller's side, and no budget knows of it; the trail shows it.
type again struct {
	mu   sync.Mutex
	sent bool // and no answer has begun
	n    int
}

// watched is ctx with a watch over what is sent in it.
func (a *again) watched(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.sent {
				a.n++
			}
			a.sent = false
		},
		WroteRequest: func(w httptrace.WroteRequestInfo) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.sent = w.Err == nil
		},
		GotFirstResponseByte: func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.sent = false
		},
	})
}

// note takes down how often the request went out again.
func (a *again) note(call *endpoint.Call) {
	a.mu.Lock()
	n := a.n
	a.mu.Unlock()
	if n == 0 || call == nil {
		return
	}
	step := endpoint.Step{Attempt: call.Attempt, Err: fault.Unavailable.Errorf(
		"the connection was closed before an answer came, and net/http sent the request again on another one, %d times in all", n)}
	if len(call.Tried) > 0 {
		step.Instance = call.Tried[len(call.Tried)-1]
	}
	call.Note(step)
}
