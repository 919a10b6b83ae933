package rest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/absent"
)

// Route is the contract of one operation: how it is asked and answered over
// HTTP. It is a value; a package of them is what two services share.
type Route[Req, Resp any] struct {
	// Pattern is a method and a path as [http.ServeMux] has them:
	// "GET /orders/{id}". It names the operation, too.
	Pattern string
	// Keyed runs requests that carry an idempotency key once per key, so that
	// they are safe to repeat. A handler that must not run twice even if its process
	// dies keeps its answer in its own transaction, by [endpoint.Keep].
	Keyed bool
	// Strict refuses body members that the request does not have, letter by letter:
	// without it {"AMOUNT":1} sets amount, as encoding/json does.
	Strict bool
	// Status is that of a success: zero is 200, or 204 where Resp is [None].
	Status int
	// MaxBody is the most bytes that a request body may have; zero is 1 MiB.
	MaxBody int64
	// ReadTimeout is how long the body of a request may take to come, from when the
	// route is reached, and WriteTimeout how long it may take from then to the last
	// byte of its answer. Zero is what the server says, which is ReadTimeout and
	// WriteTimeout of sinew.Config; negative is no limit.
	ReadTimeout, WriteTimeout time.Duration
	// MaxAnswer is the most bytes that Endpoint and Forward read of an answer; zero is
	// 64 MiB, and 16 MiB of one that came packed by gzip. A longer one is the callee's
	// failure, fault.Internal.
	MaxAnswer int64
	// Summary is a line about the operation for its OpenAPI page.
	Summary string
	// Tags group operations on the OpenAPI page.
	Tags []string
}

// None is a request that asks nothing or a response that tells nothing.
type None = endpoint.None

// Mux is where routes are registered: an [http.ServeMux], a sinew.Service, or
// anything like them.
//
// Three more methods are used where a Mux has them: IdempotencyStore()
// endpoint.IdempotencyStore keeps the answers of its Keyed routes (else each
// route has a memory of its own), Subject(r *http.Request) string says who sent a
// request (else a verified certificate does), and Logger() *slog.Logger takes
// panics and the causes of failures (else slog.Default()).
//
// A [http.ResponseWriter] that has a method Failed(err error), or that unwraps to one
// that has, is given the error of each failure that is answered through it: for
// metrics and logs, since the HTTP status says less than the error's code. Such a
// writer logs the failure, too. Without one the route logs it, with the request's id
// and trace.
type Mux interface {
	// Handle serves the pattern with h.
	Handle(pattern string, h http.Handler)
}

// Forwarder is a [Route] of any types, as a gateway holds them in one list.
type Forwarder interface {
	// Forward serves the route on mux with what c answers.
	Forward(mux Mux, c endpoint.Caller)
}

// Handle serves the route on mux with f inside the middlewares, the first
// outermost.
//
// The middlewares run after the request was read and has passed its Validate, so a
// malformed request does not reach them. They see the request as a Req, and what
// travels along in its [endpoint.Call], but no other header: one that is needed is a
// field of Req with a header tag. What has to come before a request is read, such as
// authentication, is HTTP middleware, around the mux or in Use of a sinew.Service.
//
// An error of f is never [fault.Error.Unprocessed], since f ran; one
// of a middleware may be. Handle panics when f is nil, or the route does not fit
// its request type: a path variable without a field, a field without its
// variable, a type that cannot be bound, or an answer with a field that is tagged
// header, which answers do not have.
func (r Route[Req, Resp]) Handle(mux Mux, f endpoint.Endpoint[Req, Resp], mws ...endpoint.Middleware) {
	c := r.contract()
	if f == nil {
		c.refuse("the endpoint that shall serve it is nil")
	}
	ep := ran(f).With(mws...)
	h := &handler{contract: c, log: loggerOf(mux), run: func(ctx context.Context, request any) (any, error) {
		resp, err := ep(ctx, unboxed[Req](c, request))
		return &resp, err // what MarshalJSON of a pointer is found through
	}}
	if r.Keyed {
		h.store = storeOf(mux)
	}
	if m, ok := mux.(interface{ Subject(r *http.Request) string }); ok {
		h.subject = m.Subject
	}
	mux.Handle(r.Pattern, h)
}

// Endpoint calls the route through c, inside the middlewares, the first
// outermost: each runs once per call, around all of its attempts. It panics where
// [Route.Handle] does, and when c is nil.
//
// Requests are sent with c's HTTPClient() *http.Client where it has that method,
// else with http.DefaultClient. Redirects are followed for GET and HEAD alone, and
// only within the scheme, host and port that was asked.
func (r Route[Req, Resp]) Endpoint(c endpoint.Caller, mws ...endpoint.Middleware) endpoint.Endpoint[Req, Resp] {
	contract := r.contract()
	if absent.Is(c) {
		contract.refuse("the caller that shall call it is nil")
	}
	client := following(clientOf(c))
	call := func(ctx context.Context, req Req) (Resp, error) {
		var none Resp
		key, err := contract.outgoingKey(endpoint.CallOf(ctx))
		if err != nil {
			return none, err
		}
		m, err := contract.message(boxed(contract, req), key)
		if err != nil {
			return none, err
		}
		var answer result[Resp]
		err = c.Call(ctx, contract.op, func(ctx context.Context, addr string) error {
			into := answer.place()
			err := client.fetch(ctx, addr, contract, m, into)
			answer.filled(into, err)
			return err
		})
		if won := answer.won.Load(); err == nil && won != nil {
			return *won, nil
		}
		return none, err
	}
	return endpoint.Endpoint[Req, Resp](call).With(mws...)
}

// Forward serves the route on mux by passing each request on through c as it
// came, and the answer back: nothing is decoded, a redirect is not followed, and
// an idempotency key is handed on rather than claimed. It panics where
// [Route.Handle] does, and when c is nil.
func (r Route[Req, Resp]) Forward(mux Mux, c endpoint.Caller) {
	contract := r.contract()
	if absent.Is(c) {
		contract.refuse("the caller that it is forwarded through is nil")
	}
	mux.Handle(r.Pattern, &forwarding{contract: contract, log: loggerOf(mux), caller: c, client: passing(clientOf(c))})
}

// contract is a Route without its type parameters, checked.
type contract struct {
	pattern
	op      endpoint.Operation
	request binding
	answers reflect.Type // nil for None
	read    *shape       // of an answer that is read
	written *writing     // of one that is written
	limits  timeLimits
	keyed   bool
	strict  bool
	status  int
	limit   int64 // of a request's body
	// answerLimit is that of an answer, zero the default.
	answerLimit int64
	summary     string
	tags        []string
}

const defaultMaxBody = 1 << 20

func (r Route[Req, Resp]) contract() *contract {
	p := parsePattern(r.Pattern)
	c := &contract{
		pattern: p,
		op:      endpoint.Operation{Name: r.Pattern, Safe: r.Keyed || p.idempotent()},
		limits:  timeLimits{r.ReadTimeout, r.WriteTimeout},
		keyed:   r.Keyed, strict: r.Strict, status: r.Status, limit: r.MaxBody, answerLimit: r.MaxAnswer, summary: r.Summary, tags: r.Tags,
	}
	if t := reflect.TypeFor[Resp](); t != reflect.TypeFor[None]() {
		c.answers, c.read, c.written = t, shapeOf(t, map[reflect.Type]*shape{}), p.writingOf(t)
	}
	switch {
	case c.status == 0 && c.answers == nil:
		c.status = http.StatusNoContent
	case c.status == 0:
		c.status = http.StatusOK
	}
	switch {
	case c.status < 200 || c.status > 299:
		p.refuse("Status %d is no success", c.status)
	case c.answers != nil && c.status == http.StatusNoContent:
		p.refuse("an answer of status 204 has no body; make Resp rest.None")
	case c.answers != nil && p.method == http.MethodHead:
		p.refuse("an answer to HEAD has no body; make Resp rest.None")
	case c.limit < 0:
		p.refuse("MaxBody %d is negative", c.limit)
	case c.answerLimit < 0:
		p.refuse("MaxAnswer %d is negative", c.answerLimit)
	case c.limit == 0:
		c.limit = defaultMaxBody
	}
	c.request = bindingOf(p, reflect.TypeFor[Req]())
	if c.answers != nil {
		p.refuseHeaders(c.answers, c.request.t)
	}
	if c.request.body {
		p.writingOf(c.request.t)
	}
	return c
}

// refuseHeaders panics on an answer with a field that is tagged header: it would not
// be in the header of the answer. The type of the request may be that of the answer,
// too, if the answer has such a field in its body.
func (p pattern) refuseHeaders(answer, request reflect.Type) {
	t := pointedTo(answer)
	if t.Kind() != reflect.Struct || encodesItself(reflect.PointerTo(t)) {
		return
	}
	members := membersOf(t)
	for _, f := range reflect.VisibleFields(t) {
		if _, tagged := f.Tag.Lookup("header"); !tagged {
			continue
		}
		inBody := slices.ContainsFunc(members, func(m member) bool { return slices.Equal(m.index, f.Index) })
		if t != request || !inBody {
			p.refuse("field %s of the answer %s is tagged header, and an answer has no header of its own: leave the tag out, or write the header in a handler of net/http", f.Name, t)
		}
	}
}

// boxed is the request as a pointer to its struct, nil for None.
func boxed[Req any](c *contract, req Req) any {
	switch {
	case c.request.t == nil:
		return nil
	case c.request.pointer:
		return req
	default:
		return new(req)
	}
}

// unboxed is the opposite of boxed.
func unboxed[Req any](c *contract, request any) (req Req) {
	switch {
	case c.request.t == nil:
		return req
	case c.request.pointer:
		return request.(Req)
	default:
		return *request.(*Req)
	}
}

func storeOf(mux Mux) endpoint.IdempotencyStore {
	if m, ok := mux.(interface {
		IdempotencyStore() endpoint.IdempotencyStore
	}); ok {
		if store := m.IdempotencyStore(); store != nil {
			return store
		}
	}
	return endpoint.NewMemoryStore()
}

func loggerOf(mux Mux) func() *slog.Logger {
	if m, ok := mux.(interface{ Logger() *slog.Logger }); ok {
		return m.Logger
	}
	return slog.Default
}

func (p pattern) refuse(format string, args ...any) {
	panic(fmt.Sprintf("rest: route %q: %s", p.text, fmt.Sprintf(format, args...)))
}
