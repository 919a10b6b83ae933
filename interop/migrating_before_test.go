package interop_test

// A service as go-kit has it, which docs/migrating-from-go-kit.md moves over.

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/go-kit/kit/circuitbreaker"
	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"
	"github.com/go-kit/kit/sd"
	consulsd "github.com/go-kit/kit/sd/consul"
	"github.com/go-kit/kit/sd/lb"
	kithttp "github.com/go-kit/kit/transport/http"
	"github.com/go-kit/log"
	"github.com/hashicorp/consul/api"
	"github.com/sony/gobreaker"
	"golang.org/x/time/rate"
)

type Stock struct {
	Available int `json:"available"`
}

type Service interface {
	Reserve(ctx context.Context, productID string, quantity int) (Stock, error)
}

type stockService struct{}

func (stockService) Reserve(_ context.Context, productID string, quantity int) (Stock, error) {
	if productID != "p-1" {
		return Stock{}, errNoProduct
	}
	return Stock{Available: 10 - quantity}, nil
}

var errNoProduct = errors.New("no such product")

// countingService is a service middleware, as go-kit's examples have them for logs and
// metrics.
type countingService struct {
	Service
	calls *atomic.Int64
}

func (s countingService) Reserve(ctx context.Context, productID string, quantity int) (Stock, error) {
	s.calls.Add(1)
	return s.Service.Reserve(ctx, productID, quantity)
}

type reserveRequest struct {
	ProductID string `json:"product_id"`
	Quantity  int    `json:"quantity"`
}

type reserveResponse struct {
	Stock
	Err error `json:"-"`
}

func (r reserveResponse) Failed() error { return r.Err }

func makeReserveEndpoint(s Service) endpoint.Endpoint {
	return func(ctx context.Context, request interface{}) (interface{}, error) {
		req := request.(reserveRequest)
		stock, err := s.Reserve(ctx, req.ProductID, req.Quantity)
		return reserveResponse{stock, err}, nil
	}
}

func decodeReserveRequest(_ context.Context, r *http.Request) (any, error) {
	var in reserveRequest
	return in, json.NewDecoder(r.Body).Decode(&in)
}

func encodeReserveRequest(_ context.Context, r *http.Request, request any) error {
	return kithttp.EncodeJSONRequest(context.Background(), r, request)
}

func decodeReserveResponse(_ context.Context, r *http.Response) (any, error) {
	var out reserveResponse
	return out, json.NewDecoder(r.Body).Decode(&out)
}

func wrappedBefore(e endpoint.Endpoint, limiter *rate.Limiter, cb *gobreaker.CircuitBreaker) endpoint.Endpoint {
	e = ratelimit.NewErroringLimiter(limiter)(e)
	e = circuitbreaker.Gobreaker(cb)(e)
	return e
}

func servedBefore(mux *http.ServeMux, s Service) {
	mux.Handle("POST /inventory/reserve", kithttp.NewServer(makeReserveEndpoint(s), decodeReserveRequest, kithttp.EncodeJSONResponse))
}

func calledBefore(target *url.URL) endpoint.Endpoint {
	reserve := kithttp.NewClient("POST", target, encodeReserveRequest, decodeReserveResponse).Endpoint()
	return reserve
}

func foundBefore(consul *api.Client, factory sd.Factory, logger log.Logger) endpoint.Endpoint {
	instancer := consulsd.NewInstancer(consulsd.NewClient(consul), logger, "inventory", nil, true)
	endpointer := sd.NewEndpointer(instancer, factory, logger)
	reserve := lb.Retry(3, time.Second, lb.NewRoundRobin(endpointer))
	return reserve
}
