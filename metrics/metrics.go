package metrics

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	kitendpoint "github.com/go-kit/kit/endpoint"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// maxOperations is how many pairs of service and operation have series of their
// own; other names the rest.
const (
	maxOperations = 1000
	other         = "other"
)

// Metrics are the series of one program.
type Metrics struct {
	client, server side

	mu        sync.Mutex
	recorders map[pair]*Recorder
}

type side struct {
	name     string
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

type pair struct{ side, service, operation string }

// New registers the series with r, which may have them already. It panics when
// r is nil or has other series of their names.
func New(r prometheus.Registerer) *Metrics {
	if r == nil {
		panic("metrics.New: the registerer is nil; give prometheus.DefaultRegisterer or a registry of your own")
	}
	return &Metrics{client: newSide(r, "client", "made"), server: newSide(r, "server", "served"), recorders: map[pair]*Recorder{}}
}

// Middleware observes the calls of an endpoint as calls made. An operation
// "orders.Place" is operation Place of service orders.
func (m *Metrics) Middleware(operation string) endpoint.Middleware {
	service, name, dotted := strings.Cut(operation, ".")
	if !dotted {
		service, name = "", operation
	}
	recorder := m.Client(service, name)
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			start := time.Now()
			response, err := next(ctx, request)
			recorder.Observe(time.Since(start), err)
			return response, err
		}
	}
}

// Client is the recorder of calls made to an operation of another service.
func (m *Metrics) Client(service, operation string) *Recorder {
	return m.recorder(&m.client, service, operation)
}

// Server is the recorder of an operation that this service serves.
func (m *Metrics) Server(service, operation string) *Recorder {
	return m.recorder(&m.server, service, operation)
}

func (m *Metrics) recorder(s *side, service, operation string) *Recorder {
	service, operation = strings.ToValidUTF8(service, "?"), strings.ToValidUTF8(operation, "?")
	m.mu.Lock()
	defer m.mu.Unlock()
	key := pair{s.name, service, operation}
	if r, ok := m.recorders[key]; ok {
		return r
	}
	if len(m.recorders) >= maxOperations {
		key = pair{s.name, other, other}
		if r, ok := m.recorders[key]; ok {
			return r
		}
	}
	r := newRecorder(s, key.service, key.operation)
	m.recorders[key] = r
	return r
}

func newSide(r prometheus.Registerer, name, verb string) side {
	return side{
		name: name,
		requests: register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sinew_" + name + "_requests_total", Help: "Calls " + verb + ", by result.",
		}, []string{"service", "operation", "code"})),
		duration: register(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sinew_" + name + "_request_duration_seconds", Help: "How long calls " + verb + " took.",
			Buckets:                         prometheus.DefBuckets,
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  160,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"service", "operation"})),
	}
}

func register[C prometheus.Collector](r prometheus.Registerer, c C) C {
	err := r.Register(c)
	if err == nil {
		return c
	}
	if there, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if same, ok := there.ExistingCollector.(C); ok {
			return same
		}
	}
	panic("metrics: the registry has other series of these names: " + err.Error())
}

// codes are all values of the label code.
const codes = int(fault.Unauthenticated) + 1
