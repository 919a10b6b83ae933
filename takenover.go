package sinew

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"

	"github.com/sinew-go/sinew/fault"
)

// takenOver are the handlers that have taken over their connection, for which
// net/http waits no more, nor closes it.
type takenOver struct {
	crew
	cut atomic.Bool // when their time was up

	mu   sync.Mutex
	open map[net.Conn]bool
}

// join has a handler waited for until it has left.
func (t *takenOver) join(route string, conn net.Conn) (leave func()) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn() // whose close waits for nobody
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = map[net.Conn]bool{}
	}
	t.open[conn] = true
	done := t.crew.join("the connection that " + route + " has taken over")
	return func() {
		t.mu.Lock()
		delete(t.open, conn)
		t.mu.Unlock()
		done()
	}
}

// end waits for all of them. When ctx ends, their connections are closed.
func (t *takenOver) end(ctx context.Context) error {
	defer context.AfterFunc(ctx, t.close)()
	err := t.wait(ctx)
	if err == nil && t.cut.Load() {
		err = fault.CodeOf(ctx.Err()).Errorf("connections that handlers have taken over were cut off: %w", ctx.Err())
	}
	return err
}

func (t *takenOver) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for conn := range t.open {
		t.cut.Store(true)
		_ = conn.Close()
	}
}
