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

	mu     sync.Mutex
	open   map[net.Conn]bool
	timeUp bool // connections that are open are closed
}

// hijack runs hijack, which takes over a connection, and adds its handler, which drain
// waits for until done is called. The handler is added before: from the moment at which
// it has the connection, its server does not wait for it any more.
func (t *hijackedConns) hijack(route string, hijack func() (net.Conn, error)) (done func(), err error) {
	removeTask := t.TaskGroup.Add("the connection that " + route + " has taken over")
	conn, err := hijack()
	if err != nil {
		removeTask()
		return nil, err
	}
	if tlsConn, ok := conn.(*tls.Conn); ok {
		conn = tlsConn.NetConn() // a tls.Conn's Close may wait for its peer
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.timeUp {
		t.cutOff.Store(true)
		_ = conn.Close()
	}
	if t.open == nil {
		t.open = map[net.Conn]bool{}
	}
	t.open[conn] = true
	return func() {
		t.mu.Lock()
		delete(t.open, conn)
		t.mu.Unlock()
		removeTask()
	}, nil
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
	t.timeUp = true
	for conn := range t.open {
		t.cutOff.Store(true)
		_ = conn.Close()
	}
}
