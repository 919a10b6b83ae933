package rest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// handler serves one route.
type handler struct {
	*contract
	log   func() *slog.Logger
	store endpoint.IdempotencyStore // of a keyed route
	run   func(ctx context.Context, request any) (any, error)
}

// answer is a response before it is written.
type answer struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body,omitempty"` // nil where there is none
	err    error           // what a problem tells of
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, stop, err := accepted(r, nil)
	defer stop()
	if err != nil {
		writeProblem(w, err)
		return
	}
	call := endpoint.CallOf(ctx)
	service := call.Service
	call.Operation = h.op
	call.Service = service
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value, not wrapped
				panic(p)
			}
			h.log().ErrorContext(ctx, "handler panicked", "route", h.text, "panic", p, "stack", string(debug.Stack()))
			writeProblem(w, errInternal)
		}
	}()
	a, replayed, err := h.answer(ctx, call, w, r)
	if err != nil {
		complain(ctx, h.log(), "request failed", h.text, err)
		writeProblem(w, err)
		return
	}
	if replayed {
		w.Header().Set(headerReplayed, "true")
	}
	a.write(w)
}

// answer is what the route's endpoint says, or said before to the same key.
func (h *handler) answer(ctx context.Context, call *endpoint.Call, w http.ResponseWriter, r *http.Request) (answer, bool, error) {
	key, err := h.incomingKey(call, r)
	if err != nil {
		return answer{}, false, err
	}
	request, body, err := h.read(w, r)
	if err != nil {
		return answer{}, false, err
	}
	if key == "" {
		a, err := h.respond(ctx, request)
		return a, false, err
	}
	var fresh answer
	kept, replayed, err := endpoint.Once(ctx, h.store, h.scope(call, r), key, h.fingerprint(r, body), func() ([]byte, bool, error) {
		var err error
		if fresh, err = h.respond(ctx, request); err != nil {
			if !lasting(err) {
				return nil, false, err
			}
			complain(ctx, h.log(), "request failed", h.text, err)
			fresh = problem(err)
		}
		text, err := json.Marshal(fresh)
		return text, err == nil, err
	})
	if err != nil || !replayed {
		return fresh, false, err
	}
	a, err := replay(kept)
	return a, true, err
}

// replay is an answer that was kept.
func replay(text []byte) (a answer, err error) {
	err = json.Unmarshal(text, &a)
	if err == nil && a.Status >= 400 {
		var p fault.Problem
		err = json.Unmarshal(a.Body, &p)
		a.err = p.Err()
	}
	if err != nil {
		return answer{}, fault.Internal.Errorf("a kept answer is unreadable: %w", err)
	}
	return a, nil
}

// read is the request as its endpoint takes it, checked, with its body.
func (h *handler) read(w http.ResponseWriter, r *http.Request) (request any, body []byte, err error) {
	if h.request.t == nil {
		return nil, nil, nil
	}
	v := reflect.New(h.request.t)
	if h.request.body {
		if err = declaredJSON(r.Header.Get("Content-Type")); err != nil {
			return nil, nil, err
		}
		if body, err = readBody(w, r, h.limit); err != nil {
			return nil, nil, err
		}
		if err := decode(body, v.Interface(), h.strict); err != nil {
			return nil, nil, err
		}
	}
	if err := h.request.bind(v.Elem(), r); err != nil {
		return nil, nil, err
	}
	request = v.Interface()
	return request, body, endpoint.Check(request)
}

// respond runs the endpoint and encodes what it answers.
func (h *handler) respond(ctx context.Context, request any) (answer, error) {
	response, err := h.run(ctx, request)
	if err != nil || h.answers == nil {
		return answer{Status: h.status}, err
	}
	text, err := json.Marshal(response)
	if err != nil {
		return answer{}, fault.Internal.Errorf("the answer of %s has no JSON form: %w", h.text, err)
	}
	return answer{Status: h.status, Body: text}, nil
}

// lasting says that a refusal would meet a repeat as well.
func lasting(err error) bool {
	switch fault.CodeOf(err) {
	case fault.InvalidArgument, fault.NotFound, fault.AlreadyExists, fault.PermissionDenied, fault.FailedPrecondition, fault.OutOfRange:
		return true
	}
	return false
}

func (a answer) write(w http.ResponseWriter) {
	if a.Body == nil {
		w.WriteHeader(a.Status)
		return
	}
	kind := jsonTypes
	if a.Status >= 400 {
		kind = problemTypes
		a.announce(w)
	}
	w.Header()["Content-Type"] = kind
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // a caller that is gone hears nothing
}
