package sinew

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/internal/backoff"
)

// fullFor is how long a connection waits for room before that is worth a line in the
// log.
const fullFor = time.Second

// connections bounds how many are open at once on one address. One more is taken
// and waits until another ends, and those after it wait in the system's queue; of those kept open on which no request is
// under way the one that has been so for the longest is closed to make room.
type connections struct {
	net.Listener
	most int
	log  *slog.Logger

	room    chan struct{} // has a token for each that is open
	spare   chan struct{} // hears when one becomes idle
	closed  chan struct{}
	closing sync.Once
	turns   atomic.Int64 // counts the times that one became idle

	mu   sync.Mutex
	open map[*connection]struct{}
	full bool // as the log knows it
}

// connection is one that is counted.
type connection struct {
	net.Conn
	of   *connections
	once sync.Once
	idle atomic.Int64 // the turn since which no request is under way; 0 while one is

	taken time.Time
	heard atomic.Bool // it has begun to send a request
}

// bounded is l with so many connections at most.
func bounded(l net.Listener, most int, log *slog.Logger) *connections {
	return &connections{
		Listener: l, most: most, log: log,
		room: make(chan struct{}, most), spare: make(chan struct{}, 1), closed: make(chan struct{}), open: map[*connection]struct{}{},
	}
}

// Accept implements [net.Listener].
func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if !c.enter() {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	counted := &connection{Conn: conn, of: c, taken: time.Now()}
	c.mu.Lock()
	c.open[counted] = struct{}{}
	c.mu.Unlock()
	return counted, nil
}

// enter waits for room, and is false when the listener is closed.
func (c *connections) enter() bool {
	var patience <-chan time.Time
	for {
		select {
		case c.room <- struct{}{}:
			if patience == nil {
				c.tell(false)
			}
			return true
		default:
		}
		if c.evict() {
			continue
		}
		if patience == nil {
			timer := time.NewTimer(fullFor)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case c.room <- struct{}{}:
			return true
		case <-c.spare:
		case <-patience:
			c.tell(true)
		case <-c.closed:
			return false
		}
	}
}

// evict closes the connection that has been idle for the longest, if there is one.
func (c *connections) evict() bool {
	c.mu.Lock()
	var longest *connection
	var since int64
	for conn := range c.open {
		if at := conn.idle.Load(); at > 0 && (longest == nil || at < since) {
			longest, since = conn, at
		}
	}
	c.mu.Unlock()
	if longest == nil {
		return false
	}
	_ = longest.Close() // a request that comes at this moment finds a closed connection, as after the idle time
	return true
}

// tell logs that there is no room, once until there is some for the next one at once.
func (c *connections) tell(full bool) {
	c.mu.Lock()
	news := full && !c.full
	c.full = full
	c.mu.Unlock()
	if news {
		c.log.Warn("no room for another connection: all are in use, and the next ones wait",
			"address", c.Addr().String(), "connections", c.most, "setting", "Config.MaxConnections")
	}
}

// Close implements [net.Listener].
func (c *connections) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Listener.Close()
}

// note is an [http.Server]'s ConnState: it knows which connections are idle.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	counted, ok := conn.(*connection)
	switch {
	case !ok, state == http.StateNew:
	case state == http.StateIdle:
		counted.heard.Store(true)
		counted.idle.Store(c.turns.Add(1))
		select {
		case c.spare <- struct{}{}:
		default:
		}
	default:
		counted.heard.Store(true)
		counted.idle.Store(0)
	}
}

// silentFor is how long a connection may have sent nothing before a server that stops
// takes it for idle.
const silentFor = time.Second

// hush closes, until ctx ends, the connections on which nothing has ever come: those
// that browsers and pools open beforehand. [http.Server.Shutdown] waits 5 s for each.
func (c *connections) hush(ctx context.Context) {
	for backoff.Wait(ctx, silentFor/10) == nil {
		var silent []*connection
		c.mu.Lock()
		for conn := range c.open {
			if !conn.heard.Load() && time.Since(conn.taken) >= silentFor {
				silent = append(silent, conn)
			}
		}
		c.mu.Unlock()
		for _, conn := range silent {
			_ = conn.Close()
		}
	}
}

// Close implements [net.Conn].
func (c *connection) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.of.mu.Lock()
		delete(c.of.open, c)
		c.of.mu.Unlock()
		<-c.of.room
	})
	return err
}
