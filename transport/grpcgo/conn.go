package grpcgo

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
)

// maxIdle is how long the connection to an instance stays open without a call.
const maxIdle = 5 * time.Minute

// connectOften makes the waits between attempts to connect to an instance short: the
// policies decide when it is called again.
var connectOften = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: 5 * time.Second,
}

// Conn is a connection to a service for the clients that protoc-gen-go-grpc generates. Each
// call goes through a call.Caller, such as a sinew.Client, which picks the instance and
// decides whether the call is repeated. A Conn has one connection to each instance that it
// has called within the last minutes. It is safe for concurrent use.
type Conn struct {
	caller  call.Caller
	options []grpc.DialOption

	mu      sync.Mutex
	closed  bool
	targets map[string]*target // by base URL
}

// target is the connection to one instance.
type target struct {
	*grpc.ClientConn
	calls int       // in flight
	used  time.Time // when the latest of them began or ended
}

var _ grpc.ClientConnInterface = (*Conn)(nil)

// NewConn returns a connection whose calls go through c. It connects to an instance when
// that is called. An instance at https is called with TLS and the authorities of
// the system, one at http without TLS; options may have other credentials, and anything
// else that grpc.NewClient takes. NewConn panics if c is nil.
func NewConn(c call.Caller, options ...grpc.DialOption) *Conn {
	if absent.Is(c) {
		panic("grpcgo.NewConn: the caller is nil; give a sinew.Client")
	}
	return &Conn{caller: c, options: options, targets: map[string]*target{}}
}

// Invoke implements [grpc.ClientConnInterface]. Its error has both a status, for package
// status of grpc-go, and a fault.Error.
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	send := func(ctx context.Context, addr string, reply any, opts []grpc.CallOption) error {
		t, err := c.acquire(addr)
		if err != nil {
			return err
		}
		defer c.release(t)
		return t.Invoke(ctx, method, args, reply, opts...)
	}
	return invoke(ctx, c.caller, method, reply, opts, send)
}

// NewStream implements [grpc.ClientConnInterface]. Only the begin of a stream is a call
// with attempts; what follows may take any time. The errors of the stream are as those of
// Invoke.
func (c *Conn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	begin := func(ctx context.Context, addr string, opts []grpc.CallOption) (grpc.ClientStream, error) {
		t, err := c.acquire(addr)
		if err != nil {
			return nil, err
		}
		s, err := t.NewStream(ctx, desc, method, opts...)
		if err != nil {
			c.release(t)
			return nil, err
		}
		context.AfterFunc(s.Context(), func() { c.release(t) })
		return s, nil
	}
	return openStream(ctx, c.caller, method, opts, begin)
}

// Close closes all connections. Calls in flight fail, and so do later ones.
func (c *Conn) Close() error {
	c.mu.Lock()
	targets := c.targets
	c.targets, c.closed = nil, true
	c.mu.Unlock()
	for _, t := range targets {
		_ = t.Close()
	}
	return nil
}

// acquire returns the connection to the instance at addr. Call release when the call is
// over.
func (c *Conn) acquire(addr string) (*target, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, fault.Canceled.Errorf("the connection is closed").WithUnprocessed()
	}
	now := time.Now()
	t := c.targets[addr]
	if t == nil {
		c.closeIdle(now)
		cc, err := c.dial(addr)
		if err != nil {
			return nil, err
		}
		t = &target{ClientConn: cc}
		c.targets[addr] = t
	}
	t.calls++
	t.used = now
	return t, nil
}

func (c *Conn) release(t *target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t.calls--
	t.used = time.Now()
}

// closeIdle closes the connections that nobody uses: most belong to instances that are
// gone.
func (c *Conn) closeIdle(now time.Time) {
	for addr, t := range c.targets {
		if t.calls == 0 && now.Sub(t.used) > maxIdle {
			delete(c.targets, addr)
			_ = t.Close()
		}
	}
}

func (c *Conn) dial(addr string) (*grpc.ClientConn, error) {
	at := addressOf(addr)
	if at.Addr == "" {
		return nil, fault.Unavailable.Errorf("the address of the instance is no base URL").WithUnprocessed()
	}
	security := insecure.NewCredentials()
	if strings.HasPrefix(addr, "https:") {
		security = credentials.NewTLS(nil)
	}
	options := append([]grpc.DialOption{
		grpc.WithTransportCredentials(security), grpc.WithConnectParams(connectOften),
		grpc.WithIdleTimeout(maxIdle), grpc.WithDisableServiceConfig(),
	}, c.options...)
	cc, err := grpc.NewClient("passthrough:///"+at.Addr, options...)
	if err != nil {
		const advice = "no connection to an instance can be made; correct the options of NewConn"
		return nil, fault.Internal.Errorf(advice+": %w", err).WithUnprocessed()
	}
	return cc, nil
}
