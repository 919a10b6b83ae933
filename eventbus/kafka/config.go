package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/sinew-go/sinew/fault"
)

// The values of [Config.Mechanism].
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
	OAuthBearer = "OAUTHBEARER"
)

// Config configures the connection, the topics and the groups. Only Brokers is required.
type Config struct {
	// Brokers are addresses of the cluster, host:port. One that answers is enough: it
	// names the others.
	Brokers []string
	// ClientID is the name of the client in logs and quotas of the brokers. The default is
	// "sinew".
	ClientID string
	// TLS encrypts the connections, if it is not nil.
	TLS *tls.Config

	// Mechanism is how the client authenticates itself by SASL: Plain, ScramSHA256,
	// ScramSHA512 or OAuthBearer. The default is PLAIN if User is set, and no SASL
	// otherwise.
	Mechanism string
	// User and Password are the credentials for Plain and SCRAM.
	User, Password string
	// Token returns the token for OAuthBearer. It is called for each connection.
	Token func(context.Context) (string, error)

	// TopicsMustExist makes the bus refuse a missing topic with fault.FailedPrecondition.
	// The default is to create it.
	TopicsMustExist bool
	// Partitions is the number of partitions of a topic that the bus creates, and so the
	// maximum number of events that a group handles at the same time. The default is 16.
	Partitions int
	// Replicas is the number of brokers that store a topic that the bus creates. The
	// default is the cluster's.
	Replicas int
	// Retention is how long a topic that the bus creates stores events. The default is 7
	// days.
	Retention time.Duration

	// MaxEventBytes limits the size of a published event. The default is 1,000,000, just
	// below the default limit of a topic, max.message.bytes. Raise both together.
	MaxEventBytes int
	// Structured writes events in the structured mode of CloudEvents: the whole event as
	// JSON. The default is the binary mode: attributes are headers, and the value of the
	// record is Data. Both are read.
	Structured bool

	// SessionTimeout is how long after the death of a member's process its partitions go to
	// other members. The default is 15 s. A handler may take longer than that.
	SessionTimeout time.Duration
	// HandOverTimeout is how long a running handler may go on when its partition goes to
	// another process. Then its context is cancelled. The default is 30 s.
	HandOverTimeout time.Duration
	// Prefetch limits how many events of a partition wait in memory. The default is 1000.
	Prefetch int

	// Logger is the logger of the bus. If nil, the bus uses slog.Default(), and messages
	// about an event that a service handles go to the logger of that service; see
	// eventbus.LogTo.
	Logger *slog.Logger
}

// Validate reports every fault of the configuration at once, as fault.InvalidArgument.
func (c Config) Validate() error {
	var faults []error
	wrong := func(format string, args ...any) {
		faults = append(faults, fault.InvalidArgument.Errorf("kafka: Config."+format, args...))
	}
	if len(c.Brokers) == 0 {
		wrong("Brokers is empty; give the addresses of the cluster, such as 127.0.0.1:9092")
	}
	for _, address := range c.Brokers {
		if address == "" || strings.ContainsAny(address, "/@, ") {
			wrong("Brokers: %d of %d is no host:port", 1+indexOf(c.Brokers, address), len(c.Brokers))
		}
	}
	switch c.mechanism() {
	case "":
	case Plain, ScramSHA256, ScramSHA512:
		if c.User == "" || c.Password == "" {
			wrong("Mechanism %s needs User and Password", c.mechanism())
		}
	case OAuthBearer:
		if c.Token == nil {
			wrong("Mechanism %s needs Token", OAuthBearer)
		}
	default:
		wrong("Mechanism: %q is none of %s, %s, %s, %s", c.Mechanism, Plain, ScramSHA256, ScramSHA512, OAuthBearer)
	}
	for name, n := range map[string]int{
		"Partitions": c.Partitions, "Replicas": c.Replicas, "MaxEventBytes": c.MaxEventBytes, "Prefetch": c.Prefetch,
		"Retention": int(c.Retention), "SessionTimeout": int(c.SessionTimeout), "HandOverTimeout": int(c.HandOverTimeout),
	} {
		if n < 0 {
			wrong("%s is negative", name)
		}
	}
	return errors.Join(faults...)
}

func indexOf(all []string, one string) int {
	for i, s := range all {
		if s == one {
			return i
		}
	}
	return -1
}

func (c Config) mechanism() string {
	if c.Mechanism == "" && c.User != "" {
		return Plain
	}
	return c.Mechanism
}

// withDefaults returns the configuration with its defaults filled in.
func (c Config) withDefaults() Config {
	c.ClientID = cmp.Or(c.ClientID, "sinew")
	c.Partitions = cmp.Or(c.Partitions, 16)
	c.Replicas = cmp.Or(c.Replicas, -1)
	c.Retention = cmp.Or(c.Retention, 7*24*time.Hour)
	c.MaxEventBytes = cmp.Or(c.MaxEventBytes, 1_000_000)
	c.SessionTimeout = cmp.Or(c.SessionTimeout, 15*time.Second)
	c.HandOverTimeout = cmp.Or(c.HandOverTimeout, 30*time.Second)
	c.Prefetch = cmp.Or(c.Prefetch, 1000)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

// connection returns the options of every client of the bus.
func (c Config) connection(w *watcher) []kgo.Opt {
	options := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...), kgo.ClientID(c.ClientID), kgo.WithHooks(w),
		kgo.MinVersions(kversion.V2_4_0()), // the first with incremental rebalances
		kgo.DialTimeout(dialTimeout), kgo.RetryBackoffFn(reconnectPause), kgo.DisableClientMetrics(),
		kgo.MetadataMaxAge(newPartitionsPoll),
	}
	if c.TLS != nil {
		options = append(options, kgo.DialTLSConfig(c.TLS))
	}
	if m := c.sasl(); m != nil {
		options = append(options, kgo.SASL(m))
	}
	return options
}

func (c Config) sasl() sasl.Mechanism {
	switch c.mechanism() {
	case Plain:
		return plain.Auth{User: c.User, Pass: c.Password}.AsMechanism()
	case ScramSHA256:
		return scram.Auth{User: c.User, Pass: c.Password}.AsSha256Mechanism()
	case ScramSHA512:
		return scram.Auth{User: c.User, Pass: c.Password}.AsSha512Mechanism()
	case OAuthBearer:
		return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			token, err := c.Token(ctx)
			return oauth.Auth{Token: token}, err
		})
	}
	return nil
}
