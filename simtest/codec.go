package simtest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

// The request and response with World.Codec, of about the size of a small call.
type (
	callRequest struct {
		Operation string `json:"operation"`
		Text      string `json:"text"`
	}
	callResponse struct {
		By   string `json:"by"`
		Text string `json:"text"`
	}
)

// Routes for calls that may be repeated and for calls that must not.
var (
	safeRoute   = rest.Route[callRequest, callResponse]{Pattern: "PUT /call"}
	unsafeRoute = rest.Route[callRequest, callResponse]{Pattern: "POST /call"}
)

const payload = "an order of two cups and a saucer"

// restClient calls a service through package rest.
type restClient struct {
	safe, unsafe endpoint.Endpoint[callRequest, callResponse]
}

func newRESTClient(c call.Caller) restClient {
	return restClient{safe: safeRoute.Endpoint(c), unsafe: unsafeRoute.Endpoint(c)}
}

func (c restClient) call(ctx context.Context, op call.Operation) error {
	send := c.unsafe
	if op.Safe {
		send = c.safe
	}
	_, err := send(ctx, callRequest{Operation: op.Name, Text: payload})
	return err
}

// wireTransport carries HTTP from a process to instances, in memory.
type wireTransport struct{ from *Process }

// RoundTrip implements http.RoundTripper.
func (w wireTransport) RoundTrip(r *http.Request) (*http.Response, error) {
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

// registerRoutes registers the real handler for calls with the instance's service.
func (i *Instance) registerRoutes() {
	mws := []endpoint.Middleware{i.limitWorkers}
	if i.service.Middleware != nil {
		mws = append(i.service.Middleware(), mws...)
	}
	answer := func(ctx context.Context, _ callRequest) (callResponse, error) {
		return callResponse{i.Name, payload}, i.handle(ctx)
	}
	safeRoute.Handle(i.Service, answer, mws...)
	unsafeRoute.Handle(i.Service, answer, mws...)
}

// serveHTTP handles a request as the instance's server does.
func (i *Instance) serveHTTP(ctx context.Context, r *http.Request) reply {
	w := httptest.NewRecorder()
	i.Service.Handler().ServeHTTP(w, r.WithContext(ctx))
	return reply{http: w.Result()}
}

// problemReply returns err as a response.
func problemReply(err error) reply {
	w := httptest.NewRecorder()
	rest.WriteError(w, err)
	return reply{http: w.Result()}
}
