package simtest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

// ask is what a call says with World.Codec, and told the answer: about as much
// as a small call does.
type (
	ask struct {
		Operation string `json:"operation"`
		Text      string `json:"text"`
	}
	told struct {
		By   string `json:"by"`
		Text string `json:"text"`
	}
)

// Calls that may be repeated and calls that must not.
var (
	safeRoute   = rest.Route[ask, told]{Pattern: "PUT /call"}
	unsafeRoute = rest.Route[ask, told]{Pattern: "POST /call"}
)

const text = "an order of two cups and a saucer"

// coded calls a service through package rest.
type coded struct {
	safe, unsafe endpoint.Endpoint[ask, told]
}

func codedBy(c endpoint.Caller) coded {
	return coded{safe: safeRoute.Endpoint(c), unsafe: unsafeRoute.Endpoint(c)}
}

func (c coded) call(ctx context.Context, op endpoint.Operation) error {
	send := c.unsafe
	if op.Safe {
		send = c.safe
	}
	_, err := send(ctx, ask{Operation: op.Name, Text: text})
	return err
}

// wire carries HTTP from a process to instances, in memory.
type wire struct{ from *Process }

// RoundTrip implements http.RoundTripper.
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		if _ = r.Body.Close(); err != nil {
			return nil, err
		}
	}
	sent := r.Clone(context.Background())
	sent.Body, sent.RequestURI = io.NopCloser(bytes.NewReader(body)), r.URL.RequestURI()
	sent.RemoteAddr = "127.0.0.1:1024"
	answer := w.from.deliver(r.Context(), r.URL.Scheme+"://"+r.URL.Host, sent)
	return answer.http, answer.err
}

// route has the instance's real handler answer calls.
func (i *Instance) route() {
	mws := []endpoint.Middleware{i.enter}
	if i.service.Server != nil {
		mws = append(i.service.Server(), mws...)
	}
	answer := func(ctx context.Context, _ ask) (told, error) { return told{i.Name, text}, i.handle(ctx) }
	safeRoute.Handle(i.Service, answer, mws...)
	unsafeRoute.Handle(i.Service, answer, mws...)
}

// serveHTTP is a request as the instance's server has it.
func (i *Instance) serveHTTP(ctx context.Context, r *http.Request) reply {
	w := httptest.NewRecorder()
	i.Service.Handler().ServeHTTP(w, r.WithContext(ctx))
	return reply{http: w.Result()}
}

// problem is err as a response.
func problem(err error) reply {
	w := httptest.NewRecorder()
	rest.WriteError(w, err)
	return reply{http: w.Result()}
}
