package rest

import (
	"context"
	"net/http/httptrace"
	"sync"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
)

// resendWatch counts what net/http resends by itself: a request on a reused connection
// that closed before an answer started is sent again on another one, if it has no body or
// can repeat it, and is idempotent by its method or key. That is not an attempt of ours,
// and no budget counts it; the trail shows it.
type resendWatch struct {
	mu           sync.Mutex
	awaitsAnswer bool // a request was written, and no answer has started
	resends      int
}

// trace returns ctx with a client trace that counts.
func (a *resendWatch) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.awaitsAnswer {
				a.resends++
			}
			a.awaitsAnswer = false
		},
		WroteRequest: func(w httptrace.WroteRequestInfo) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.awaitsAnswer = w.Err == nil
		},
		GotFirstResponseByte: func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.awaitsAnswer = false
		},
	})
}

// record adds the resends to the call's trail.
func (a *resendWatch) record(c *callctx.Call) {
	a.mu.Lock()
	n := a.resends
	a.mu.Unlock()
	if n == 0 || c == nil {
		return
	}
	step := call.Step{Attempt: c.Attempt, Err: fault.Unavailable.Errorf(
		"the connection was closed before an answer came, and net/http sent the request again on another one, %d times in all", n)}
	if len(c.Tried) > 0 {
		step.Instance = c.Tried[len(c.Tried)-1]
	}
	c.Note(step)
}
