package resttest

import (
	"net"
	"sync"
)

// loopback is the address of both ends: rest.SameMachine trusts it.
var loopback = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}

// conn is one end of a pipe, with the address of this machine.
type conn struct{ net.Conn }

// LocalAddr implements [net.Conn].
func (conn) LocalAddr() net.Addr { return loopback }

// RemoteAddr implements [net.Conn].
func (conn) RemoteAddr() net.Addr { return loopback }

// listener is a [net.Listener] in memory.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements [net.Listener].
func (l *listener) Addr() net.Addr { return loopback }
