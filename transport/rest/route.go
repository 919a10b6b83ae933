package rest

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/wire"
)

// Route is the contract of one operation: how it is requested and answered over HTTP.
// Declare a Route once, as a variable of a package that both sides import.
type Route[Req, Resp any] struct {
	// Pattern is a method and a path in the syntax of [http.ServeMux], such as "GET
	// /orders/{id}". It is also the name of the operation.
	Pattern string
	// Keyed runs requests that carry an idempotency key once per key, so that they are
	// safe to repeat. A handler that must not run twice even if its process dies stores
	// its answer in its own transaction, with [idempotency.SaveAnswer].
	Keyed bool
	// Strict refuses body members that the request type does not have under exactly this
	// name. Without it {"AMOUNT":1} sets amount, as encoding/json does. The route does not have
	// a [Codec] that cannot refuse them.
	Strict bool
	// Status is the HTTP status of a success. Zero is 200, or 204 if an answer has no
	// body.
	Status int
	// MaxBody is the maximum size of a request body in bytes. Zero is 1 MiB, also for a
	// body that is streamed: a handler that stores all that it reads would fill a disk. In a
	// stream of values it is that of each. Negative is no limit, and only for a reader.
	MaxBody int64
	// ReadTimeout bounds how long the body of a request may take to arrive, and
	// WriteTimeout the time to the last byte of the answer. Both count from when the route
	// is reached. Zero means the server's own limits, which are ReadTimeout and
	// WriteTimeout of sinew.Config; a body that is streamed has 30 seconds for each of its
	// parts instead. Negative is no limit.
	ReadTimeout, WriteTimeout time.Duration
	// MaxAnswer is the maximum size in bytes of an answer that Endpoint and Forward read.
	// Zero is 64 MiB, and 16 MiB for an answer that arrives compressed with gzip; a reader
	// has no limit then. In a stream of values it is that of each, which Forward passes on
	// without a limit. A larger answer is the callee's failure, fault.Internal.
	MaxAnswer int64
	// Summary is one line about the operation for the OpenAPI document.
	Summary string
	// Tags group operations in the OpenAPI document.
	Tags []string
	// Public lets everybody reach the route where its mux has a [Security]. Security names
	// the schemes of that, of which a caller needs one, in place of its Default. Scopes are
	// what the caller must be allowed, all of them. A route with Security or Scopes is
	// refused on a mux without a Security.
	Public           bool
	Security, Scopes []string
	// Failures are what the operation itself may answer instead of a success, for the
	// OpenAPI document: a class, such as fault.NotFound, or a whole error, whose status,
	// message and reason the document has. The failures of the route are in it anyway.
	Failures []error
}

// Handle serves the route on mux with f inside the middlewares; the first is the
// outermost.
//
// The middlewares run after the request was read and has passed its Validate, so a
// malformed request does not reach them. They see the request as a Req, and its metadata
// in its [call.Record], but no other header: a header that is needed is a field of Req
// with a header tag. A [Security] of the mux has checked the caller before
// that. What else must run before a request is read is HTTP middleware, around the mux or in
// Use of a sinew.Service.
//
// An error of f never counts as unprocessed ([fault.Error.Unprocessed]), since f ran; an
// error of a middleware may. Handle panics if f is nil, or if the route does not fit its
// types: a path variable without a field, a field without its variable, or a type that
// cannot be bound.
func (r Route[Req, Resp]) Handle(mux Mux, f endpoint.Endpoint[Req, Resp], mws ...endpoint.Middleware) {
	c := r.contract(codecsOf(mux))
	if f == nil {
		c.refuse("the endpoint that shall serve it is nil")
	}
	c.checkForms()
	c.servedBy(mux)
	c.securedBy(mux)
	c.op.Name = c.served.text
	ep := wire.Handler(f).With(mws...)
	h := &handler{contract: c, codecs: codecsOf(mux), log: wire.LoggerOf(mux), subject: wire.SubjectOf(mux), stopping: wire.StoppingOf(mux), run: func(ctx context.Context, request any) (any, error) {
		resp, err := ep(ctx, fromPointer[Req](c, request))
		return &resp, err // what MarshalJSON of a pointer is found through
	}}
	if r.Keyed {
		h.store = wire.StoreOf(mux)
	}
	mux.Handle(r.Pattern, c.secured(h, h.log))
}

// Endpoint returns an endpoint that calls the route through c, inside the middlewares;
// the first is the outermost. Each middleware runs once per call, around all of its
// attempts. Endpoint panics if the route does not fit its types, as [Route.Handle] does,
// and if c is nil.
//
// Requests are sent with c's HTTPClient() *http.Client if c has that method, else with
// http.DefaultClient. Redirects are followed only for GET and HEAD, and only within the
// scheme, host and port that was called.
func (r Route[Req, Resp]) Endpoint(c call.Caller, mws ...endpoint.Middleware) endpoint.Endpoint[Req, Resp] {
	contract := r.contract(codecsOf(c))
	if absent.Is(c) {
		contract.refuse("the caller that shall call it is nil")
	}
	contract.checkForms()
	client := followRedirects(clientOf(c))
	call := func(ctx context.Context, req Req) (Resp, error) {
		var none Resp
		key, err := wire.OutgoingKey(ctx, contract.keyed)
		if err != nil {
			return none, err
		}
		m, err := contract.outgoing(toPointer(contract, req), key)
		if err != nil {
			return none, err
		}
		if contract.values != nil && contract.values.field == nil {
			resp, _ := contract.receive(func() (*opened, error) {
				return client.openAnswer(ctx, c, contract, &m)
			}).Interface().(Resp)
			return resp, nil
		}
		if contract.hasStreamedAnswer() {
			o, err := client.openAnswer(ctx, c, contract, &m)
			if err != nil {
				return none, err
			}
			var resp Resp
			err = contract.setOpened(&resp, o)
			return resp, err
		}
		var answer result[Resp]
		err = c.Call(ctx, contract.op, func(ctx context.Context, addr string) error {
			target := answer.newTarget()
			err := client.fetch(ctx, addr, contract, m, target)
			answer.finish(target, err)
			return err
		})
		if first := answer.first.Load(); err == nil && first != nil {
			return *first, nil
		}
		return none, err
	}
	return endpoint.Endpoint[Req, Resp](call).With(mws...)
}

// Forward serves the route on mux by forwarding each request unchanged through c, and
// returning the answer unchanged: nothing is decoded, no redirect is followed, and an
// idempotency key is passed on but not used. Only the path loses the prefix of the mux, if
// that has one, so that the callee gets the path that Endpoint requests. Forward panics if the route does not fit its
// types, as [Route.Handle] does, and if c is nil.
func (r Route[Req, Resp]) Forward(mux Mux, c call.Caller) {
	contract := r.contract(codecsOf(mux))
	if absent.Is(c) {
		contract.refuse("the caller that it is forwarded through is nil")
	}
	contract.servedBy(mux)
	contract.securedBy(mux)
	h := &forwardHandler{contract: contract, log: wire.LoggerOf(mux), caller: c, client: passRedirects(clientOf(c)), stopping: wire.StoppingOf(mux)}
	mux.Handle(r.Pattern, contract.secured(h, h.log))
}

// contract is a validated Route without its type parameters.
type contract struct {
	pattern
	served     pattern // with the prefix of the mux
	op         call.Operation
	request    binding
	response   binding
	json       jsonCodec // of Resp, of nothing if an answer has no codec
	requests   forms     // of the bodies of requests, nil if they have no codec
	answers    forms     // of those of answers
	accept     string    // that a caller sends, "" for none
	values     *values   // of an answer that is a stream, else nil
	timeLimits timeLimits
	keyed      bool
	strict     bool
	status     int
	bodyLimit  int64 // maximum size of a request body
	// answerLimit is the maximum size of an answer; zero means the default.
	answerLimit int64
	summary     string
	tags        []string
	failures    []error
	access      access
}

const defaultMaxBody = 1 << 20

func (r Route[Req, Resp]) contract(codecs Codecs) *contract {
	p := parsePattern(r.Pattern)
	c := &contract{
		pattern:    p,
		served:     p,
		op:         call.Operation{Name: r.Pattern, Safe: r.Keyed || p.isIdempotent()},
		timeLimits: timeLimits{r.ReadTimeout, r.WriteTimeout},
		keyed:      r.Keyed, strict: r.Strict, status: r.Status, bodyLimit: r.MaxBody, answerLimit: r.MaxAnswer, summary: r.Summary, tags: r.Tags, failures: r.Failures,
		access: access{public: r.Public, named: r.Security, scopes: r.Scopes},
	}
	c.checkAccess()
	if t := reflect.TypeFor[Resp](); isSequence(t) {
		c.values = valuesOf(p, t)
	} else if t != reflect.TypeFor[endpoint.None]() {
		if c.response = answerBindingOf(p, t); c.response.body {
			c.json, c.answers = jsonCodecOf(p, t), codecs.formsOf(t, false)
			c.accept = c.answers.accept()
		}
		if whole := c.response.whole; whole.isOfValues() {
			c.values, c.response.whole = whole.values, nil
			c.values.field = whole.index
		}
	}
	hasBody := c.json.t != nil || c.response.whole != nil || c.values != nil
	switch {
	case c.status == 0 && !hasBody:
		c.status = http.StatusNoContent
	case c.status == 0:
		c.status = http.StatusOK
	}
	switch {
	case c.status < 200 || c.status > 299:
		p.refuse("Status %d is no success", c.status)
	case hasBody && c.status == http.StatusNoContent:
		p.refuse("an answer of status 204 has no body; make Resp endpoint.None, or tag all of its fields header or cookie, and json:\"-\"")
	case hasBody && p.method == http.MethodHead:
		p.refuse("an answer to HEAD has no body; make Resp endpoint.None, or tag all of its fields header or cookie, and json:\"-\"")
	case c.answerLimit < 0:
		p.refuse("MaxAnswer %d is negative", c.answerLimit)
	case c.bodyLimit == 0:
		c.bodyLimit = defaultMaxBody
	}
	c.request = bindingOf(p, reflect.TypeFor[Req]())
	if c.request.body {
		p.fillPlanOf(c.request.t)
		c.requests = codecs.formsOf(c.request.t, c.strict)
	}
	switch {
	case c.bodyLimit < 0 && !c.request.whole.isStreamed():
		p.refuse("MaxBody %d is negative, and a body in memory needs a limit", c.bodyLimit)
	case c.keyed && c.request.whole.isStreamed():
		p.refuse("it is Keyed, and whether a streamed body is that of another request with its key is known too late")
	case c.bodyLimit < 0 && c.request.whole.isOfValues():
		p.refuse("MaxBody %d is negative, and each value of a stream needs a limit", c.bodyLimit)
	case c.keyed && c.hasStreamedAnswer():
		p.refuse("it is Keyed, and a streamed answer cannot be stored")
	case c.request.whole.isStreamed():
		c.op.Safe = false // a body that was read cannot be sent again, and never twice at once
	}
	return c
}

// toPointer returns the request as a pointer to its struct, nil for None.
func toPointer[Req any](c *contract, req Req) any {
	switch {
	case c.request.t == nil:
		return nil
	case c.request.pointer:
		return req
	default:
		return new(req)
	}
}

// fromPointer is the inverse of toPointer.
func fromPointer[Req any](c *contract, request any) (req Req) {
	switch {
	case c.request.t == nil:
		return req
	case c.request.pointer:
		return request.(Req)
	default:
		return *request.(*Req)
	}
}

func (p pattern) refuse(format string, args ...any) {
	panic(fmt.Sprintf("rest: route %q: %s", p.text, fmt.Sprintf(format, args...)))
}
