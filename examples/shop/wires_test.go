package main

import (
	"context"
	"database/sql"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/examples/shop/user"
)

// wires are a network within this process, with pipes as connections. In a synctest
// bubble they use no real time, so a slow machine makes nothing late.
type wires struct {
	mu   sync.Mutex
	last int
	at   map[string]*socket
}

// socket is a listener on wires.
type socket struct {
	address net.Addr
	calls   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (s *socket) Accept() (net.Conn, error) {
	select {
	case c := <-s.calls:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *socket) Close() error   { s.once.Do(func() { close(s.closed) }); return nil }
func (s *socket) Addr() net.Addr { return s.address }

// local is a connection on this machine.
type local struct{ net.Conn }

var loopbackAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}

func (local) LocalAddr() net.Addr  { return loopbackAddr }
func (local) RemoteAddr() net.Addr { return loopbackAddr }

func (w *wires) listen() net.Listener {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	s := &socket{address: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: w.last}, calls: make(chan net.Conn), closed: make(chan struct{})}
	w.at[s.address.String()] = s
	return s
}

func (w *wires) dial(ctx context.Context, _, address string) (net.Conn, error) {
	w.mu.Lock()
	s := w.at[address]
	w.mu.Unlock()
	if s == nil {
		return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
	}
	near, far := net.Pipe()
	select {
	case s.calls <- local{far}:
		return local{near}, nil
	case <-s.closed:
		return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// delay is how long a request travels.
const delay = 2 * time.Millisecond

type delayed struct{ *http.Transport }

func (d delayed) RoundTrip(r *http.Request) (*http.Response, error) {
	bubble.Sleep(delay)
	return d.Transport.RoundTrip(r)
}

// transport returns a new client transport on the wires.
func (w *wires) transport() http.RoundTripper {
	return delayed{&http.Transport{DialContext: w.dial, MaxIdleConnsPerHost: 256}}
}

// slow takes as long for a password as a real hash, in virtual time.
type slow struct{}

func (slow) Hash(password string) (string, error) {
	bubble.Sleep(50 * time.Millisecond)
	return password, nil
}

func (h slow) Matches(password, hash string) (bool, error) {
	again, err := h.Hash(password)
	return again == hash, err
}

// virtual runs a test of a whole shop in virtual time. The speed of the machine does not
// affect it.
func virtual(t *testing.T, f func(t *testing.T, s *shop)) {
	synctest.Test(t, func(t *testing.T) {
		hashing := backends[0].serve
		backends[0].serve = func(_ *platform, svc *sinew.Service, db *sql.DB) error { user.NewHashing(svc, db, slow{}); return nil }
		defer func() { backends[0].serve = hashing }()
		w := &wires{at: map[string]*socket{}}
		s := openWith(t, options{gateway: "127.0.0.1:0", adjust: func(c *sinew.Config) {
			c.Addr, c.Listener, c.Transport = "", w.listen(), w.transport()
		}})
		s.http.Transport = w.transport()
		s.described() // here, because waiting for another test to read it never ends in virtual time
		f(t, s)
	})
}
