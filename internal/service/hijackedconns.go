package service

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"

	"github.com/sinew-go/sinew/fault"
)

// hijackedConns are the handlers that have hijacked their connection. net/http neither
// waits for those nor closes their connections.
type hijackedConns struct {
	TaskGroup
	cutOff atomic.Bool // a connection was closed because the shutdown's time was up

	mu   sync.Mutex
	open map[net.Conn]bool
}

// track adds a handler, which drain waits for until done is called.
func (t *hijackedConns) track(route string, conn net.Conn) (done func()) {
	if tlsConn, ok := conn.(*tls.Conn); ok {
		conn = tlsConn.NetConn() // a tls.Conn's Close may wait for its peer
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = map[net.Conn]bool{}
	}
	t.open[conn] = true
	removeTask := t.TaskGroup.Add("the connection that " + route + " has taken over")
	return func() {
		t.mu.Lock()
		delete(t.open, conn)
		t.mu.Unlock()
		removeTask()
	}
}

// drain waits for all handlers. When ctx ends, it closes their connections.
func (t *hijackedConns) drain(ctx context.Context) error {
	defer context.AfterFunc(ctx, t.closeAll)()
	err := t.Wait(ctx)
	if err == nil && t.cutOff.Load() {
		err = fault.CodeOf(ctx.Err()).Errorf("connections that handlers have taken over were cut off: %w", ctx.Err())
	}
	return err
}

func (t *hijackedConns) closeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for conn := range t.open {
		t.cutOff.Store(true)
		_ = conn.Close()
	}
}
