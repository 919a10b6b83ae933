package interop_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/circuitbreaker"
	kitendpoint "github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	kitzipkin "github.com/go-kit/kit/tracing/zipkin"
	kithttp "github.com/go-kit/kit/transport/http"
	"github.com/go-kit/log"
	"github.com/openzipkin/zipkin-go"
	"github.com/openzipkin/zipkin-go/reporter/recorder"
	"github.com/sony/gobreaker"
	"golang.org/x/time/rate"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/retry"
)

type request struct {
	Name string `json:"name"`
}

type response struct {
	Greeting string `json:"greeting"`
}

func greet(_ context.Context, r *request) (*response, error) {
	if r.Name == "" {
		return nil, fault.InvalidArgument.Errorf("name is required")
	}
	return &response{"hello " + r.Name}, nil
}

func TestKitsRateLimiterRunsInsideWith(t *testing.T) {
	ep := endpoint.New(greet).With(ratelimit.NewErroringLimiter(rate.NewLimiter(rate.Every(time.Hour), 1)))
	if got, err := ep(t.Context(), &request{"ann"}); err != nil || got.Greeting != "hello ann" {
		t.Fatalf("%+v %v", got, err)
	}
	if got, err := ep(t.Context(), &request{"ann"}); got != nil || !errors.Is(err, ratelimit.ErrLimited) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestKitsCircuitBreakerRunsInsideWith(t *testing.T) {
	down := endpoint.New(func(context.Context, *request) (*response, error) { return nil, fault.Unavailable })
	ep := down.With(circuitbreaker.Gobreaker(gobreaker.NewCircuitBreaker(gobreaker.Settings{
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 2 },
	})))
	for range 2 {
		if _, err := ep(t.Context(), &request{}); !errors.Is(err, fault.Unavailable) {
			t.Fatal(err)
		}
	}
	if got, err := ep(t.Context(), &request{}); got != nil || !errors.Is(err, gobreaker.ErrOpenState) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestKitsTracerRunsInsideWith(t *testing.T) {
	reported := recorder.NewReporter()
	defer func() { _ = reported.Close() }()
	tracer, err := zipkin.NewTracer(reported)
	if err != nil {
		t.Fatal(err)
	}
	ep := endpoint.New(greet).With(kitzipkin.TraceEndpoint(tracer, "greet"))
	if _, err := ep(t.Context(), &request{"ann"}); err != nil {
		t.Fatal(err)
	}
	if spans := reported.Flush(); len(spans) != 1 || spans[0].Name != "greet" {
		t.Errorf("%+v", spans)
	}
}

func TestOurEndpointServesAndCallsThroughKitsTransport(t *testing.T) {
	decode := func(_ context.Context, r *http.Request) (any, error) {
		in := &request{}
		return in, json.NewDecoder(r.Body).Decode(in)
	}
	served := endpoint.New(greet).With(limit.Rate{}.Middleware(), breaker.Policy{}.Middleware(), endpoint.Timeout(time.Second))
	server := httptest.NewServer(kithttp.NewServer(served.Kit(), decode, kithttp.EncodeJSONResponse,
		kithttp.ServerErrorEncoder(func(_ context.Context, err error, w http.ResponseWriter) {
			w.WriteHeader(fault.CodeOf(err).HTTPStatus())
		})))
	defer server.Close()

	target, _ := url.Parse(server.URL)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	kit := kithttp.NewClient("POST", target, kithttp.EncodeJSONRequest, func(_ context.Context, r *http.Response) (any, error) {
		if r.StatusCode != 200 {
			return nil, fault.FromHTTPStatus(r.StatusCode)
		}
		out := &response{}
		return out, json.NewDecoder(r.Body).Decode(out)
	}, kithttp.SetClient(client)).Endpoint()
	call := endpoint.FromKit[*request, *response](kit).With(retry.Policy{}.Middleware())
	if got, err := call(t.Context(), &request{"ann"}); err != nil || got.Greeting != "hello ann" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := call(t.Context(), &request{}); got != nil || !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestOurEndpointsRunInsideKitsDiscoveryAndBalancer(t *testing.T) {
	calls := map[string]int{}
	factory := func(instance string) (kitendpoint.Endpoint, io.Closer, error) {
		return endpoint.New(func(context.Context, *request) (*response, error) {
			calls[instance]++
			if instance == "bad" {
				return nil, fault.Unavailable
			}
			return &response{instance}, nil
		}).With(endpoint.Recover(nil)).Kit(), nil, nil
	}
	instancer := sd.FixedInstancer{"a", "bad", "b"}
	endpointer := sd.NewEndpointer(instancer, factory, log.NewNopLogger())
	defer endpointer.Close()
	call := endpoint.FromKit[*request, *response](lb.Retry(3, time.Second, lb.NewRoundRobin(endpointer)))
	for range 6 {
		if got, err := call(t.Context(), &request{}); err != nil || got.Greeting == "bad" {
			t.Fatalf("%+v %v", got, err)
		}
	}
	if calls["a"] != 3 || calls["b"] != 3 || calls["bad"] == 0 {
		t.Errorf("%v", calls)
	}
}

// failing is a response that reports its own failure, as those of go-kit's services do.
type failing struct{ err error }

func (f *failing) Failed() error { return f.err }

func TestKitsFailerCountsAsAnErrorEverywhere(t *testing.T) {
	broken := fault.Unavailable.Errorf("broken")
	circuit := breaker.New("greet", breaker.Policy{FailureThreshold: 2})
	ep := endpoint.New(func(context.Context, *request) (*failing, error) { return &failing{broken}, nil }).With(circuit.Middleware())
	for range 2 {
		if got, err := ep(t.Context(), &request{}); !errors.Is(err, fault.Unavailable) || got == nil {
			t.Fatalf("%+v %v", got, err)
		}
	}
	if circuit.State() != breaker.Open {
		t.Errorf("the breaker did not see the failures: %s", circuit.State())
	}
	kit := endpoint.New(func(context.Context, *request) (*failing, error) { return &failing{broken}, nil }).Kit()
	if _, err := kit(t.Context(), &request{}); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "broken") {
		t.Error(err)
	}
}
