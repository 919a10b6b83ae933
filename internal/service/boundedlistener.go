package service

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

// fullLogDelay is how long a connection waits for a slot before the log mentions it.
const fullLogDelay = time.Second

// boundedListener bounds how many of its connections are open at once. At the bound it
// accepts one more, which waits until another closes; those after it wait in the system's
// queue. To make room it closes the connection that has been idle the longest: open,
// without a request in flight.
type boundedListener struct {
	net.Listener
	maxOpen int
	log     *slog.Logger

	slots      chan struct{} // holds a token per open connection
	becameIdle chan struct{} // receives when a connection becomes idle
	closed     chan struct{}
	closeOnce  sync.Once
	idleCount  atomic.Int64 // counts the times that a connection became idle

	mu     sync.Mutex
	open   map[*connection]struct{}
	isFull bool // what the log said last
}

// connection is one of a boundedListener.
type connection struct {
	net.Conn
	listener  *boundedListener
	closeOnce sync.Once
	idleSince atomic.Int64 // idleCount when it became idle; 0 while a request is in flight

	acceptedAt time.Time
	hasSent    atomic.Bool // has started to send a request
}

// boundListener returns l with at most maxOpen connections.
func boundListener(l net.Listener, maxOpen int, log *slog.Logger) *boundedListener {
	return &boundedListener{
		Listener: l, maxOpen: maxOpen, log: log,
		slots: make(chan struct{}, maxOpen), becameIdle: make(chan struct{}, 1), closed: make(chan struct{}),
		open: map[*connection]struct{}{},
	}
}

// Accept implements [net.Listener].
func (c *boundedListener) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if !c.acquireSlot() {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	counted := &connection{Conn: conn, listener: c, acceptedAt: time.Now()}
	c.mu.Lock()
	c.open[counted] = struct{}{}
	c.mu.Unlock()
	return counted, nil
}

// acquireSlot waits for a slot. It returns false once the listener is closed.
func (c *boundedListener) acquireSlot() bool {
	var logDelay <-chan time.Time
	for {
		select {
		case c.slots <- struct{}{}:
			if logDelay == nil {
				c.logFull(false)
			}
			return true
		default:
		}
		if c.closeLongestIdle() {
			continue
		}
		if logDelay == nil {
			timer := time.NewTimer(fullLogDelay)
			defer timer.Stop()
			logDelay = timer.C
		}
		select {
		case c.slots <- struct{}{}:
			return true
		case <-c.becameIdle:
		case <-logDelay:
			c.logFull(true)
		case <-c.closed:
			return false
		}
	}
}

// closeLongestIdle closes the connection that has been idle the longest, and reports
// whether there was one.
func (c *boundedListener) closeLongestIdle() bool {
	c.mu.Lock()
	var longestIdle *connection
	var since int64
	for conn := range c.open {
		if at := conn.idleSince.Load(); at > 0 && (longestIdle == nil || at < since) {
			longestIdle, since = conn, at
		}
	}
	c.mu.Unlock()
	if longestIdle == nil {
		return false
	}
	_ = longestIdle.Close() // a request that arrives now meets a closed connection, as after the idle timeout
	return true
}

// logFull logs that there is no slot: once, until a later connection gets a slot without
// waiting.
func (c *boundedListener) logFull(full bool) {
	c.mu.Lock()
	isNew := full && !c.isFull
	c.isFull = full
	c.mu.Unlock()
	if isNew {
		c.log.Warn("no room for another connection: all are in use, and the next ones wait",
			"address", c.Addr().String(), "connections", c.maxOpen, "setting", "Config.MaxConnections")
	}
}

// Close implements [net.Listener].
func (c *boundedListener) Close() error {
	c.closeOnce.Do(func() { close(c.closed) })
	return c.Listener.Close()
}

// trackState is an [http.Server]'s ConnState. It records which connections are idle.
func (c *boundedListener) trackState(conn net.Conn, state http.ConnState) {
	if tlsConn, ok := conn.(*tls.Conn); ok {
		conn = tlsConn.NetConn()
	}
	counted, ok := conn.(*connection)
	switch {
	case !ok, state == http.StateNew:
	case state == http.StateIdle:
		counted.hasSent.Store(true)
		counted.idleSince.Store(c.idleCount.Add(1))
		select {
		case c.becameIdle <- struct{}{}:
		default:
		}
	default:
		counted.hasSent.Store(true)
		counted.idleSince.Store(0)
	}
}

// silentTimeout is how long a connection may have sent nothing before a stopping server
// treats it as idle.
const silentTimeout = time.Second

// closeSilent closes, until ctx ends, the connections that have never sent anything, such
// as those that browsers and connection pools open in advance. [http.Server.Shutdown]
// would wait 5 s for each.
func (c *boundedListener) closeSilent(ctx context.Context) {
	for backoff.Wait(ctx, silentTimeout/10) == nil {
		var silent []*connection
		c.mu.Lock()
		for conn := range c.open {
			if !conn.hasSent.Load() && time.Since(conn.acceptedAt) >= silentTimeout {
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
	c.closeOnce.Do(func() {
		c.listener.mu.Lock()
		delete(c.listener.open, c)
		c.listener.mu.Unlock()
		<-c.listener.slots
	})
	return err
}
