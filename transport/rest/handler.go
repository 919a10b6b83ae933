package rest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/internal/once"
	"github.com/sinew-go/sinew/internal/validation"
	"github.com/sinew-go/sinew/internal/wire"
)

// handler serves one route.
type handler struct {
	*contract
	codecs   Codecs
	log      func() *slog.Logger
	store    idempotency.Store // nil unless the route is Keyed
	subject  func(*http.Request) string
	stopping <-chan struct{}                                                  // nil if nobody says that the service stops
	run      func(ctx context.Context, request any) (response any, err error) // returns a *Resp
}

// Codecs returns those of the mux that serves the route, for package resttest.
func (h *handler) Codecs() Codecs { return h.codecs }

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w = markHead(w, r)
	ctx, stop, err := wire.Read(r, nil)
	defer stop()
	if err != nil {
		writeProblem(w, err)
		return
	}
	ctx, end, release := h.stream(ctx, w, r, h.stopping)
	defer release()
	record := call.Of(ctx)
	service := record.Service
	record.Operation = h.op
	record.Service = service
	ctx = wire.Identify(ctx, record, r, h.subject)
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value, not wrapped
				panic(p)
			}
			logPanic(ctx, h.log(), h.text, p)
			writeProblem(w, errInternal)
		}
	}()
	a, replayed, err := h.answer(ctx, record, w, r)
	if err != nil {
		logFailure(ctx, w, h.log(), h.text, err)
		writeProblem(w, err)
		return
	}
	if replayed {
		w.Header().Set(wire.HeaderReplayed, "true")
	}
	if h.values != nil {
		h.writeValues(ctx, end, w, r, a)
		return
	}
	if h.response.whole != nil && a.err == nil {
		h.writeWhole(ctx, w, r, a)
		return
	}
	a.write(w)
}

// answer returns the answer of the route's endpoint, or the stored answer to the same key.
// replayed is true for a stored one.
func (h *handler) answer(ctx context.Context, record *call.Record, w http.ResponseWriter, r *http.Request) (answer, bool, error) {
	key, err := wire.IncomingKey(record, r, h.keyed)
	if err != nil {
		return answer{}, false, err
	}
	if h.request.whole != nil {
		r = r.WithContext(ctx)
	}
	if !h.hasStreamedAnswer() { // a streamed one may still read the body
		defer h.boundRest(w)
	}
	if len(h.answers) > 1 {
		w.Header().Add("Vary", "Accept")
	}
	form, err := h.answers.accepted(r.Header["Accept"])
	if err != nil {
		return answer{}, false, err
	}
	request, body, err := h.read(w, r)
	if err != nil {
		return answer{}, false, err
	}
	if key == "" {
		a, err := h.respond(ctx, request, form)
		return a, false, err
	}
	var fresh answer
	u := once.Operation{Scope: wire.Scope(record, h.served.text), Key: key, Fingerprint: h.fingerprint(r, body), Encode: func(response any) ([]byte, error) { return h.encodeStored(response, form) }, OnUnsaved: func(err error) {
		h.log().WarnContext(ctx, "an answer was not stored", "route", h.text, "error", err)
	}}
	kept, replayed, err := u.Run(ctx, h.store, func(ctx context.Context) (once.Result, error) { return h.runOnce(ctx, w, request, form, &fresh) })
	if err != nil || !replayed {
		return fresh, false, err
	}
	a, err := replay(kept)
	return a, true, err
}

// runOnce runs a keyed request for the first time, and returns what is stored of its
// answer.
func (h *handler) runOnce(ctx context.Context, w http.ResponseWriter, request any, form *form, fresh *answer) (once.Result, error) {
	response, err := h.run(ctx, request)
	result := once.AnswerTTL
	switch {
	case err == nil:
		once.MarkRan(ctx)
		if *fresh, err = h.encode(response, form); err != nil {
			return once.Result{TTL: result}, err // it ran, and must not run again
		}
	case !wire.IsPermanent(err):
		return once.Result{}, err
	default:
		logFailure(ctx, w, h.log(), h.text, err)
		*fresh, result = problem(err), once.RefusalTTL
	}
	text, err := json.Marshal(*fresh)
	return once.Result{Answer: text, TTL: result}, err
}

// read returns the request as the endpoint accepts it, validated, and its body. An error
// has all faults of the request; those that its Validate finds only if there are no others,
// since Validate may rely on what was read.
func (h *handler) read(w http.ResponseWriter, r *http.Request) (request any, body []byte, err error) {
	if h.request.t == nil {
		return nil, nil, nil
	}
	v := reflect.New(h.request.t)
	var undecodable error
	var form *form
	if h.request.whole != nil {
		if body, err = h.readWhole(w, r, v.Elem()); err != nil {
			return nil, nil, err
		}
	}
	if h.request.body {
		if form, err = h.requests.incoming(r.Header["Content-Type"]); err != nil {
			return nil, nil, err
		}
		if err = checkEncoding(w, r.Header); err != nil {
			return nil, nil, err
		}
		if body, err = readBody(w, r, h.bodyLimit); err != nil {
			return nil, nil, err
		}
		undecodable = h.decodeBody(form, body, v.Interface())
	}
	var all validation.Faults
	if form != nil && !form.IsJSON { // which knows nothing of json:"-"
		h.request.clearBound(v.Elem())
	}
	h.request.bind(v.Elem(), r, &all)
	if undecodable != nil {
		all = h.undecoded(form, all, body, undecodable)
	}
	if all.Len() > 0 {
		return nil, nil, withOwnClass(all.Err(), undecodable)
	}
	request = v.Interface()
	return request, body, validation.Of(request)
}

// respond runs the endpoint and encodes its response.
func (h *handler) respond(ctx context.Context, request any, form *form) (answer, error) {
	response, err := h.run(ctx, request)
	if err != nil {
		return answer{}, err
	}
	return h.encode(response, form)
}
