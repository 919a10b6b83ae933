package flow

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/internal/transient"
	"github.com/sinew-go/sinew/tracing"
)

// maxText is the length of the longest text of a failure, in bytes.
const maxText = 1024

// Call calls the function of a step. The context of the step has the trace and the request
// id of the run, and the idempotency key of the step. The result of a step whose ctx has
// ended is Interrupted, unless it succeeds.
func (p *Plan) Call(ctx context.Context, h Header, t Task) Result {
	s := p.Step(t.Path)
	result := Result{Task: t}
	if s == nil {
		result.Failure = &Failure{Code: fault.Internal, Text: "saga " + p.Saga + " version " + strconv.Itoa(p.Version) + " has no step " + t.Path}
		return result
	}
	inner := tracing.Extract(ctx, tracing.Map(h.Trace))
	inner = call.With(inner, call.Record{RequestID: h.RequestID, IdempotencyKey: key(h, t)})
	e := s.endpoint(t, cmp.Or(p.Logger, slog.Default()))
	if around, ok := ctx.Value(aroundKey{}).(Around); ok {
		e = around(t, e)
	}
	state, err := e(inner, t.State)
	switch {
	case err == nil:
		result.State = state
	case ctx.Err() != nil:
		result.Interrupted = true
	default:
		result.Failure = FailureOf(ctx, err)
		result.Pause = max(s.Pauses.Next(t.Pause), min(fault.RetryAfter(err), s.Pauses.Max))
	}
	return result
}

// Around wraps the function of a task, for tests.
type Around func(t Task, e endpoint.Endpoint[json.RawMessage, json.RawMessage]) endpoint.Endpoint[json.RawMessage, json.RawMessage]

type aroundKey struct{}

// WithAround returns a context in which around wraps the functions that [Plan.Call] calls.
func WithAround(ctx context.Context, around Around) context.Context {
	return context.WithValue(ctx, aroundKey{}, around)
}

// endpoint returns the function of a task, within its time limit. A panic is a failure.
func (s *Step) endpoint(t Task, log *slog.Logger) endpoint.Endpoint[json.RawMessage, json.RawMessage] {
	var e endpoint.Endpoint[json.RawMessage, json.RawMessage]
	switch t.Kind {
	case UndoTask:
		e = s.Undo
	case EventTask:
		e = func(ctx context.Context, state json.RawMessage) (json.RawMessage, error) {
			return s.Event(ctx, state, t.Event)
		}
	default:
		e = s.Do
	}
	recovered := func(ctx context.Context, state json.RawMessage) (after json.RawMessage, err error) {
		defer func() {
			if p := recover(); p != nil {
				log.ErrorContext(ctx, "a step panicked", "step", s.Path, "panic", p, "stack", string(debug.Stack()))
				err = fault.Internal.Errorf("step %s panicked: %v", s.Path, p)
			}
		}()
		return e(ctx, state)
	}
	if s.Timeout > 0 && s.Event == nil {
		return endpoint.New(recovered).With(endpoint.Timeout(s.Timeout))
	}
	return recovered
}

// FailureOf returns an error in a form that can be saved. ctx is that of the worker.
func FailureOf(ctx context.Context, err error) *Failure {
	text := strings.ReplaceAll(strings.ToValidUTF8(ellipsis.Cut(err.Error(), maxText), ""), "\x00", "") // which PostgreSQL has not
	seen := fault.ProblemOf(err)
	seen.RetryAfter, seen.Unprocessed, seen.Repeated = "", false, false // of an attempt, not of the run
	return &Failure{Code: fault.CodeOf(err), Reason: fault.ReasonOf(err), Text: text, Problem: &seen, Passing: transient.Is(ctx, err)}
}

// Err returns the failure as the error of a run: that of the step, whose text also says
// where it happened.
func (f *Failure) Err(h Header) error {
	where := "saga " + h.Saga + ", run " + h.ID
	if f.Step != "" {
		where += ", step " + f.Step
	}
	if f.Problem == nil {
		code := f.Code
		if code == 0 {
			code = fault.Unknown
		}
		return code.Errorf("%s: %s", where, f.Text).WithReason(f.Reason)
	}
	err := f.Problem.Err()
	if err.Error() != f.Text {
		where += ": " + f.Text
	}
	return err.WithCause(errors.New(where))
}

// key returns the idempotency key of a task: the saga, the run and the step, as it may
// travel in a header. The parts are quoted, so that no two tasks have one key.
func key(h Header, t Task) string {
	text := url.PathEscape(h.Saga) + "/" + url.PathEscape(h.ID) + "/" + url.PathEscape(t.Path)
	if t.Kind == UndoTask {
		text += "#undo" // which no part has, since it would be quoted
	}
	return Key(text)
}

// Key returns the text if it may travel in a header as an idempotency key, else its hash.
func Key(text string) string {
	if headertext.OrEmpty(text) != "" {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + hex.EncodeToString(sum[:])
}
