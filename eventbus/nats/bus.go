package nats

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/internal/delivery"
	"github.com/sinew-go/sinew/internal/redact"
)

// Config configures the connection and the streams. Only URL is required.
type Config struct {
	// URL is the server's URL, or several, separated by commas: "nats://127.0.0.1:4222".
	URL string
	// Name is the name of the connection on the server. The default is "sinew".
	Name string
	// Options are further options of the connection, such as credentials and TLS.
	Options []nats.Option
	// MaxAge is how long a stream that the bus creates stores events. The default is 7
	// days.
	MaxAge time.Duration
	// Replicas is the number of servers that store a stream that the bus creates. The
	// default is 1.
	Replicas int
	// Structured writes events in the structured mode of CloudEvents: the whole event as
	// JSON. The default is the binary mode: attributes are headers, and the message is Data.
	// Both are read.
	Structured bool
	// AckWait is how long after the death of a member's process the event that it was
	// handling is redelivered. The default is 10 s. A handler may take longer than that.
	AckWait time.Duration
	// Logger is the logger of the bus. If nil, the bus uses slog.Default(), and messages
	// about an event that a service handles go to the logger of that service; see
	// eventbus.LogTo.
	Logger *slog.Logger
}

const (
	// partitions is the number of partitions of a topic, and so the maximum number of
	// events that a group handles at the same time.
	partitions = 16
	// publishTimeout applies to a publish whose context has no deadline.
	publishTimeout = 5 * time.Second
)

// Bus is an eventbus.Bus on a NATS server. It is safe for concurrent use.
type Bus struct {
	config Config
	log    delivery.Logger // of events
	conn   *nats.Conn
	js     jetstream.JetStream

	mu            sync.Mutex
	streams       map[string]bool
	subscriptions map[*subscription]bool
	draining      bool // only handlers may publish
	closed        bool
}

var _ eventbus.Replayer = (*Bus)(nil)

// New returns a bus, which must be closed, whether the server is reachable or not. It
// returns fault.InvalidArgument if the URL or an option is wrong.
func New(c Config) (*Bus, error) {
	if c.URL == "" {
		return nil, fault.InvalidArgument.Errorf("nats: Config.URL is empty; give the server's, such as nats://127.0.0.1:4222")
	}
	if c.Name == "" {
		c.Name = "sinew"
	}
	if c.MaxAge == 0 {
		c.MaxAge = 7 * 24 * time.Hour
	}
	if c.AckWait == 0 {
		c.AckWait = 10 * time.Second
	}
	hasLogger := c.Logger != nil
	if !hasLogger {
		c.Logger = slog.Default()
	}
	options := append([]nats.Option{
		nats.Name(c.Name), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond),
		nats.ReconnectBufSize(-1),   // fail what cannot be sent, instead of buffering it
		nats.IgnoreAuthErrorAbort(), // a server that refuses the credentials may accept them later
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				c.Logger.Warn("nats is away", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { c.Logger.Info("nats is back") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.Logger.Debug("nats", "error", err) }),
	}, c.Options...)
	conn, err := nats.Connect(c.URL, options...)
	if err != nil {
		return nil, fault.InvalidArgument.Errorf("nats: Config.URL %s: %w", redact.URL(c.URL), redact.Error(err))
	}
	c.URL, c.Options = redact.URL(c.URL), nil // the bus needs no secret after this, and so cannot print one
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, fault.Internal.Errorf("nats: %w", err)
	}
	return &Bus{config: c, log: delivery.Logger{Logger: c.Logger, IsOwn: hasLogger}, conn: conn, js: js, streams: map[string]bool{}, subscriptions: map[*subscription]bool{}}, nil
}

// Publish implements eventbus.Publisher. It returns fault.Unavailable if the server does
// not answer within ctx, or within 5 s if ctx has no deadline; fault.InvalidArgument if
// an event is too large; fault.ResourceExhausted if a stream or the account is full; and
// fault.FailedPrecondition if the topic can have no stream.
func (b *Bus) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	return b.publish(ctx, topic, time.Time{}, events)
}

// publish publishes events when they are due, which is at once if due is zero.
func (b *Bus) publish(ctx context.Context, topic string, due time.Time, events []eventbus.Event) error {
	if _, handling := eventbus.EventOf(ctx); b.refuses(handling) {
		return errClosed(topic)
	}
	ctx, cancel := deadline.EnsureDeadline(ctx, publishTimeout)
	defer cancel()
	err := b.prepare(ctx, topic)
	if err == nil && !due.IsZero() {
		err = b.checkSchedule(ctx, topic, due)
	}
	if err != nil {
		return err
	}
	for _, e := range events {
		e = e.WithDefaults(topic)
		m, err := b.message(topic, &e)
		if err != nil {
			return err
		}
		if due.IsZero() {
			m.Subject = subject(topic, e.Key)
			m.Header[jetstream.MsgIDHeader] = []string{encoded(e.Source + "/" + e.ID)}
		} else {
			schedule(m, topic, e, due)
		}
		if _, err := b.js.PublishMsg(ctx, m); err != nil {
			b.forget(topic) // the stream may be gone
			return b.failure(topic, m.Size(), err)
		}
	}
	return nil
}

// Subscribe implements eventbus.Subscriber.
func (b *Bus) Subscribe(topic, group string, h eventbus.Handler) (stop func(context.Context) error, err error) {
	return b.subscribe(topic, group, h, false)
}

// SubscribeFromStart implements eventbus.Replayer.
func (b *Bus) SubscribeFromStart(topic, group string, h eventbus.Handler) (stop func(context.Context) error, err error) {
	return b.subscribe(topic, group, h, true)
}

func (b *Bus) subscribe(topic, group string, h eventbus.Handler, fromStart bool) (stop func(context.Context) error, err error) {
	if h == nil {
		return nil, fault.InvalidArgument.Errorf("topic %s: the handler is nil", topic)
	}
	s := newSubscription(b, topic, group, h, fromStart)
	b.mu.Lock()
	if b.draining {
		b.mu.Unlock()
		return nil, errClosed(topic)
	}
	b.subscriptions[s] = true
	b.mu.Unlock()
	s.start()
	return s.stop, nil
}

// Close implements eventbus.Bus. It waits for the running handlers. Events that wait stay
// on the server.
func (b *Bus) Close(ctx context.Context) error {
	ctx, cancel := deadline.EnsureEnd(ctx, eventbus.EndTimeout)
	defer cancel()
	b.mu.Lock()
	b.draining = true
	var all []*subscription
	for s := range b.subscriptions {
		s.leave()
		all = append(all, s)
	}
	b.mu.Unlock()
	var faults []error
	for _, s := range all {
		faults = append(faults, s.stop(ctx))
	}
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	if b.conn.IsConnected() {
		_ = b.conn.FlushWithContext(ctx) // sends the last acknowledgements
	}
	b.conn.Close()
	return errors.Join(faults...)
}

// prepare makes sure that the topic has a stream, on a server that the bus can use.
func (b *Bus) prepare(ctx context.Context, topic string) error {
	if b.conn.IsConnected() && !b.conn.HeadersSupported() {
		return fault.FailedPrecondition.Errorf("topic %s: this is nats-server %s, or it runs with no_header: the bus needs headers, as 2.2 and later have them", topic, b.conn.ConnectedServerVersion())
	}
	return b.stream(ctx, topic)
}

// stream creates the topic's stream if it is missing.
func (b *Bus) stream(ctx context.Context, topic string) error {
	b.mu.Lock()
	known := b.streams[topic]
	b.mu.Unlock()
	if known {
		return nil
	}
	_, err := b.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: streamName(topic), Description: "events of topic " + topic, Subjects: []string{allSubjects(topic), scheduleSubject(topic, "*")},
		AllowMsgSchedules: true, // which a server before 2.12 ignores
		MaxAge:            b.config.MaxAge, Replicas: max(b.config.Replicas, 1), Duplicates: min(2*time.Minute, b.config.MaxAge), AllowDirect: true,
	})
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return b.failure(topic, 0, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.streams[topic] = true
	return nil
}

func (b *Bus) forget(topic string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.streams, topic)
}

// refuses reports whether the bus publishes no more, for handlers or for others.
func (b *Bus) refuses(handling bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed || b.draining && !handling
}

func errClosed(topic string) error {
	return fault.FailedPrecondition.Errorf("topic %s: the bus is closed", topic)
}

// subject is the subject of an event. Its partition follows from its key.
func subject(topic, key string) string {
	n := rand.Uint32N(partitions)
	if key != "" {
		h := fnv.New32a()
		_, _ = h.Write([]byte(key)) // never fails
		n = h.Sum32() % partitions
	}
	return partitionSubject(topic, int(n))
}

// allSubjects matches the subjects of all events of the topic.
func allSubjects(topic string) string { return "sinew." + token(topic) + ".*" }

func partitionSubject(topic string, n int) string { return fmt.Sprintf("sinew.%s.%d", token(topic), n) }

func streamName(topic string) string { return "sinew_" + token(topic) }

// token encodes a name as one token of a subject. Different names have different tokens.
func token(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-':
			b.WriteByte(c)
		case c == '.':
			b.WriteByte('_')
		default:
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}
