package resttest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/wire"
	"github.com/sinew-go/sinew/transport/rest"
)

// Network serves handlers under the names of services, in memory. The zero Network is
// empty and ready for use; Close it at the end. In a testing/synctest bubble make it there.
// It is an [http.RoundTripper], for the Transport of a sinew.Config and of an
// [http.Client], and is safe for concurrent use.
type Network struct {
	mu        sync.Mutex
	servers   map[string]*server // by service
	transport *http.Transport    // nil before the first request, as is http2
	http2     *http.Transport    // for gRPC
	closed    bool
}

// server serves one name.
type server struct {
	*listener
	http *http.Server
}

// Serve serves h as the service of this name: at http://name. It panics if h is nil, if the
// name is served already or is no host, and after Close.
func (n *Network) Serve(name string, h http.Handler) {
	if absent.Is(h) {
		panic("resttest: the handler of " + name + " is nil")
	}
	if u, err := url.Parse(baseURL(name)); err != nil || u.Host != name || u.Hostname() != name || name == "" {
		panic("resttest: " + name + " is no name of a host, by which it could be called")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		panic("resttest: Serve of " + name + " comes after Close")
	case n.servers[name] != nil:
		panic("resttest: " + name + " is served already")
	case n.servers == nil:
		n.servers = map[string]*server{}
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // which gRPC needs
	s := &server{
		listener: &listener{conns: make(chan net.Conn), closed: make(chan struct{})},
		http:     &http.Server{Handler: h, Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0)}, //nolint:gosec // a test sets its own time limits
	}
	n.servers[name] = s
	go func() { _ = s.http.Serve(s.listener) }() // ends with Close
}

// Addresses returns the base URLs of what is served so far, for Static of a sinew.Config.
func (n *Network) Addresses() map[string][]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := map[string][]string{}
	for name := range n.servers {
		all[name] = []string{baseURL(name)}
	}
	return all
}

// Caller returns a caller of the service of this name: each call is one attempt. It need
// not be served yet.
func (n *Network) Caller(name string) call.Caller {
	return rest.Remote(baseURL(name), &http.Client{Transport: n})
}

// RoundTrip implements [http.RoundTripper]. A service that is not served is unreachable,
// fault.Unavailable.
func (n *Network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	if n.transport == nil {
		n.transport = &http.Transport{DialContext: n.dial}
		n.http2 = wire.SpeakHTTP2(&http.Transport{DialContext: n.dial})
	}
	transport := n.transport
	if wire.FormatOf(r.Header) == wire.GRPC {
		transport = n.http2
	}
	n.mu.Unlock()
	return transport.RoundTrip(r)
}

// Close closes all connections. The handlers that still run see that their caller is gone;
// Close does not wait for them.
func (n *Network) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	if n.transport != nil {
		n.transport.CloseIdleConnections()
		n.http2.CloseIdleConnections()
	}
	for _, s := range n.servers {
		_ = s.http.Close()
	}
}

// dial connects to a service.
func (n *Network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	name, _, _ := net.SplitHostPort(addr)
	n.mu.Lock()
	s := n.servers[name]
	n.mu.Unlock()
	if s == nil {
		return nil, refused(fault.Unavailable.Errorf("no service %s is served in this network", name).WithUnprocessed())
	}
	here, there := net.Pipe()
	select {
	case s.conns <- conn{there}:
		return conn{here}, nil
	case <-s.closed:
		return nil, refused(fault.Unavailable.Errorf("the network is closed").WithUnprocessed())
	case <-ctx.Done():
		return nil, refused(ctx.Err())
	}
}

// refused is the error of a connection that was not made.
func refused(err error) error { return &net.OpError{Op: "dial", Net: "memory", Err: err} }

func baseURL(name string) string { return "http://" + name }
