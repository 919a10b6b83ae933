package metrics

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/panicked"
)

// maxOperations is how many operations and topics have series of their own; the others
// share series named other.
const (
	maxOperations = 1000
	other         = "other"
)

// Metrics are the series of one program. They are safe for concurrent use.
type Metrics struct {
	*series
	caller string
}

// series is shared by everything that is made from one Metrics.
type series struct {
	client, server, producer, consumer seriesPair
	redeliveries, deadLetters          *prometheus.CounterVec

	mu        sync.Mutex
	recorders map[recorderKey]*Operation
}

// seriesPair is the counter and the histogram of one kind of call.
type seriesPair struct {
	name       string
	total      *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	timesCodes bool // there is a histogram for each code
}

// recorderKey identifies an Operation by its labels. caller is set for calls made only, and
// group for events handled.
type recorderKey struct{ pair, caller, service, operation, group string }

// New registers the series with r, which may already have them. It panics if r is nil or
// has other series of their names.
func New(r prometheus.Registerer) *Metrics {
	if absent.Is(r) {
		panic("metrics.New: the registerer is nil; give prometheus.DefaultRegisterer or a registry of your own")
	}
	return &Metrics{series: &series{
		client:   newSeriesPair(r, "client", "request", "Calls made", false, "caller", "service", "operation"),
		server:   newSeriesPair(r, "server", "request", "Calls served", false, "service", "operation"),
		producer: newSeriesPair(r, "producer", "event", "Events published", false, "service", "topic"),
		consumer: newSeriesPair(r, "consumer", "event", "Events handled", true, consumerLabels...),

		redeliveries: newConsumerCounter(r, "redeliveries_total", "Deliveries of events that were not the first to their group."),
		deadLetters:  newConsumerCounter(r, "dead_letters_total", "Events that were put aside."),

		recorders: map[recorderKey]*Operation{},
	}}
}

// For returns Metrics with the series of m, of which [Metrics.Client] and
// [Metrics.ClientMiddleware] use this value of the label caller. Without For it is empty.
func (m *Metrics) For(caller string) *Metrics { return &Metrics{m.series, caller} }

// ClientMiddleware observes the calls of an endpoint as calls made. An operation
// "orders.Place" is operation Place of service orders; one without a dot has an empty
// service. A panic counts as code "internal".
func (m *Metrics) ClientMiddleware(operation string) endpoint.Middleware {
	service, name, dotted := strings.Cut(operation, ".")
	if !dotted {
		service, name = "", operation
	}
	recorder := m.Client(service, name)
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (response any, err error) {
			start := time.Now()
			err = panicked.Err
			defer func() { recorder.Observe(time.Since(start), err) }()
			return next(ctx, request)
		}
	}
}

// Client returns what observes the calls made to an operation of another service.
func (m *Metrics) Client(service, operation string) *Operation {
	return m.recorder(&m.client, m.caller, service, operation, "")
}

// Server returns what observes the calls to an operation that this service serves.
func (m *Metrics) Server(service, operation string) *Operation {
	return m.recorder(&m.server, "", service, operation, "")
}

// Producer returns what observes the publishing of events to a topic by this service.
func (m *Metrics) Producer(service, topic string) *Operation {
	return m.recorder(&m.producer, "", service, topic, "")
}

func (m *series) recorder(s *seriesPair, caller, service, operation, group string) *Operation {
	valid := func(text string) string { return strings.ToValidUTF8(text, "?") }
	key := recorderKey{s.name, valid(caller), valid(service), valid(operation), valid(group)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.recorders[key]; ok {
		return r
	}
	if len(m.recorders) >= maxOperations {
		key.service, key.operation = other, other
		if caller != "" {
			key.caller = other
		}
		if group != "" {
			key.group = other
		}
		if r, ok := m.recorders[key]; ok {
			return r
		}
	}
	labels := []string{key.service, key.operation}
	if s == &m.client {
		labels = append([]string{key.caller}, labels...)
	}
	if s == &m.consumer {
		labels = append(labels, key.group)
	}
	r := newOperation(s, labels)
	m.recorders[key] = r
	return r
}

func newSeriesPair(r prometheus.Registerer, name, what, help string, timesCodes bool, labels ...string) seriesPair {
	timed := labels
	if timesCodes {
		timed = append(slices.Clip(labels), "code")
	}
	return seriesPair{
		name: name, timesCodes: timesCodes,
		total: register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sinew_" + name + "_" + what + "s_total", Help: help + ", by result.",
		}, append(slices.Clip(labels), "code"))),
		duration: register(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sinew_" + name + "_" + what + "_duration_seconds", Help: help + ": how long each took.",
			Buckets:                         prometheus.DefBuckets,
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  160,
			NativeHistogramMinResetDuration: time.Hour,
		}, timed)),
	}
}

func register[C prometheus.Collector](r prometheus.Registerer, c C) C {
	err := r.Register(c)
	if err == nil {
		return c
	}
	if existing, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if same, ok := existing.ExistingCollector.(C); ok {
			return same
		}
	}
	panic("metrics: the registry has other series of these names: " + err.Error())
}

// codes is the number of values of the label code.
const codes = int(fault.Unauthenticated) + 1
