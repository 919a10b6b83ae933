// Package zipkin reports spans to a Zipkin collector, or to anything that accepts Zipkin's
// v2 API.
//
//	tracer, err := zipkin.New(zipkin.Config{Service: "orders", Collector: "http://127.0.0.1:9411/api/v2/spans", Sample: 0.1})
//	defer tracer.Close()
//	svc := sinew.New("orders", sinew.Config{Tracer: tracer})
//
// # Guarantees
//
// Whether a trace is reported is decided where it starts, and all services after that
// keep to it. The child of an unsampled span costs no allocation. Spans are sent in
// batches, once a second or a hundred at a time. A collector that is unavailable fails no
// call and delays none: up to 1000 spans wait for it, then the oldest are dropped. Names,
// and keys and values of tags, are shortened to 1 KiB. A span has its first 64 tags, and
// the tag "error" in any case.
package zipkin

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/openzipkin/zipkin-go/model"
	"github.com/openzipkin/zipkin-go/reporter"
	zipkinhttp "github.com/openzipkin/zipkin-go/reporter/http"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/origin"
	"github.com/sinew-go/sinew/internal/redact"
	"github.com/sinew-go/sinew/tracing"
)

// Config configures where spans are sent. Service and Collector are required.
type Config struct {
	// Service is the name under which the spans are shown.
	Service string
	// Collector is the URL to which spans are posted:
	// "http://127.0.0.1:9411/api/v2/spans".
	Collector string
	// Sample is the share of the traces started here that are reported, from 0 to 1. Zero
	// is 0.01; a negative Sample reports none of them. Traces from elsewhere bring their
	// decision. Those that bring none, or come from a caller that is not trusted (see
	// rest.ReadMetadata), count as started here.
	Sample float64
	// Client sends the spans. If nil, it is one with a time limit of 5 s. Redirects are
	// followed only within the scheme, host and port of Collector.
	Client *http.Client
	// Logger logs, as a warning, that spans could not be sent. If nil, it is
	// slog.Default().
	Logger *slog.Logger
}

// sendTimeout bounds the sending of a batch.
const sendTimeout = 5 * time.Second

// sender sends with its client. Its errors, which are logged, contain no secret of the
// collector's URL.
type sender struct{ client *http.Client }

// Do implements zipkinhttp.HTTPDoer.
func (s sender) Do(r *http.Request) (*http.Response, error) {
	answer, err := s.client.Do(r)
	return answer, redact.Error(err)
}

// maxTags is how many tags a span stores.
const maxTags = 64

// Tracer is a [tracing.Tracer] that reports to a collector. Close it when it is not used
// any more. It is safe for concurrent use.
type Tracer struct {
	sample float64
	local  *model.Endpoint

	mu       sync.RWMutex // read lock to report a span, write lock to set closed
	reporter reporter.Reporter
	closed   bool
}

var _ tracing.Tracer = (*Tracer)(nil)

// New makes a tracer, whether or not the collector answers. It returns
// fault.InvalidArgument if Service is empty, Collector is no URL, or Sample is above 1.
func New(c Config) (*Tracer, error) {
	if c.Service == "" {
		return nil, fault.InvalidArgument.Errorf("zipkin: Config.Service is empty")
	}
	if u, err := url.Parse(c.Collector); err != nil || u.Scheme == "" || u.Host == "" {
		return nil, fault.InvalidArgument.Errorf("zipkin: Config.Collector %q is no URL such as http://127.0.0.1:9411/api/v2/spans", redact.URL(c.Collector))
	}
	if c.Sample == 0 {
		c.Sample = 0.01
	}
	if !(c.Sample <= 1) {
		return nil, fault.InvalidArgument.Errorf("zipkin: Config.Sample %v is no share between 0 and 1", c.Sample)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	client := c.Client
	if client == nil {
		client = &http.Client{Timeout: sendTimeout}
	}
	options := []zipkinhttp.ReporterOption{
		zipkinhttp.Logger(slog.NewLogLogger(c.Logger.Handler(), slog.LevelWarn)), zipkinhttp.Client(sender{origin.Confine(client)}),
	}
	return &Tracer{sample: c.Sample, local: &model.Endpoint{ServiceName: c.Service}, reporter: zipkinhttp.NewReporter(c.Collector, options...)}, nil
}

// Start implements [tracing.Tracer].
func (t *Tracer) Start(ctx context.Context, name string, kind tracing.Kind) (context.Context, tracing.Span) {
	parent := tracing.SpanContextOf(ctx)
	sampled := parent.Sampled
	if !parent.IsValid() && !parent.Sampled || parent.Undecided {
		sampled = rand.Float64() < t.sample
	}
	if !sampled {
		return tracing.Unsampled(ctx)
	}
	child := parent.Child(true)
	s := &span{tracer: t, context: child, model: model.SpanModel{Name: tracing.Bounded(name), Kind: kinds[kind], Timestamp: time.Now(), LocalEndpoint: t.local}}
	return tracing.ContextWithSpan(ctx, child), s
}

// Close sends the waiting spans, for which it needs 10 s at most, and ends the tracer.
// The error is fault.Unavailable if they could not be sent. Spans that end during or
// after Close are dropped. Further calls of Close do nothing.
func (t *Tracer) Close() error {
	t.mu.Lock()
	wasClosed := t.closed
	t.closed = true
	t.mu.Unlock() // from here on no span is reported
	if wasClosed {
		return nil
	}
	if err := t.reporter.Close(); err != nil {
		return fault.Unavailable.Errorf("zipkin: the last spans could not be sent: %w", err)
	}
	return nil
}

func (t *Tracer) report(m model.SpanModel) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !t.closed {
		t.reporter.Send(m)
	}
}

var kinds = map[tracing.Kind]model.Kind{
	tracing.Client: model.Client, tracing.Server: model.Server, tracing.Producer: model.Producer, tracing.Consumer: model.Consumer,
}

// span is a span that will be reported.
type span struct {
	tracer  *Tracer
	context tracing.SpanContext

	mu    sync.Mutex
	model model.SpanModel
	ended bool
}

// Context implements [tracing.Span].
func (s *span) Context() tracing.SpanContext { return s.context }

// Set implements [tracing.Span].
func (s *span) Set(key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tag(key, value)
}

// End implements [tracing.Span].
func (s *span) End(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if err != nil {
		s.model.Tags = nonNil(s.model.Tags)
		s.model.Tags["error"] = tracing.ErrorTag(err)
	}
	s.ended = true
	s.model.Duration = max(time.Since(s.model.Timestamp), time.Microsecond)
	sampled := true
	s.model.SpanContext = model.SpanContext{TraceID: traceID(s.context.TraceID), ID: spanID(s.context.SpanID), Sampled: &sampled}
	if s.context.ParentID != (tracing.SpanID{}) {
		s.model.ParentID = new(spanID(s.context.ParentID))
	}
	s.tracer.report(s.model)
}

// tag adds a tag. The caller holds the lock.
func (s *span) tag(key, value string) {
	_, known := s.model.Tags[key]
	if s.ended || !known && len(s.model.Tags) >= maxTags {
		return
	}
	s.model.Tags = nonNil(s.model.Tags)
	s.model.Tags[tracing.Bounded(key)] = tracing.Bounded(value)
}

func nonNil(tags map[string]string) map[string]string {
	if tags == nil {
		tags = map[string]string{}
	}
	return tags
}

func traceID(id tracing.TraceID) model.TraceID {
	return model.TraceID{High: binary.BigEndian.Uint64(id[:8]), Low: binary.BigEndian.Uint64(id[8:])}
}

func spanID(id tracing.SpanID) model.ID { return model.ID(binary.BigEndian.Uint64(id[:])) }
