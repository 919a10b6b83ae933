package servicetest

import (
	"context"
	"net"
	"net/http"
)

// Pipe is a listener in memory, for use within synctest.
type Pipe struct {
	Conns  chan net.Conn // Accept returns what is sent here
	Closed chan struct{} // closed by Close
}

// NewPipe returns a Pipe that is open.
func NewPipe() *Pipe { return &Pipe{Conns: make(chan net.Conn), Closed: make(chan struct{})} }

// Accept implements net.Listener.
func (p *Pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.Conns:
		return c, nil
	case <-p.Closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *Pipe) Close() error {
	select {
	case <-p.Closed:
		return net.ErrClosed
	default:
		close(p.Closed)
		return nil
	}
}

// Addr implements net.Listener: it is that of a socket of this machine.
func (p *Pipe) Addr() net.Addr { return &net.UnixAddr{Name: "/run/inventory.sock", Net: "unix"} }

// Client returns a client that calls through the pipe.
func (p *Pipe) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		here, there := net.Pipe()
		select {
		case p.Conns <- there:
			return here, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}}
}
