package service

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"
)

// pipeListener is a listener of connections within this process.
type pipeListener struct {
	next   chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener { return &pipeListener{make(chan net.Conn), make(chan struct{})} }

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.next:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeListener) Close() error   { close(p.closed); return nil }
func (p *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// dial returns a caller's end of a connection that the listener accepts.
func (p *pipeListener) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.next <- theirs
	return ours
}

// serveBounded accepts connections, at most so many, and sends each accepted one on
// served.
func serveBounded(t *testing.T, most int) (from *pipeListener, c *boundedListener, served chan *connection, log *bytes.Buffer) {
	log = &bytes.Buffer{}
	from, served = newPipeListener(), make(chan *connection, 10)
	c = boundListener(from, most, slog.New(slog.NewTextHandler(log, nil)))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := c.Accept()
			if err != nil {
				return
			}
			c.trackState(conn, http.StateNew)
			served <- conn.(*connection)
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-ended })
	return from, c, served, log
}

// isOpen reports whether the other end of a connection is open.
func isOpen(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	return !errors.Is(err, io.EOF)
}

func TestTheLongestIdleConnectionIsClosedToMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, c, served, log := serveBounded(t, 3)
		var callers []net.Conn
		var conns []*connection
		for range 3 {
			callers = append(callers, from.dial())
			conns = append(conns, <-served)
		}
		for _, n := range []int{1, 0, 2} {
			c.trackState(conns[n], http.StateActive)
			c.trackState(conns[n], http.StateIdle)
		}
		c.trackState(conns[0], http.StateActive) // in use again
		if !isOpen(callers[0]) || !isOpen(callers[1]) || !isOpen(callers[2]) {
			t.Error("one gave way to nobody")
		}
		last := from.dial()
		<-served
		if isOpen(callers[1]) || !isOpen(callers[0]) || !isOpen(callers[2]) || !isOpen(last) {
			t.Error("the longest idle was not the one that gave way")
		}
		if log.Len() > 0 {
			t.Errorf("there was room: %s", log)
		}
	})
}

func TestAConnectionWithoutASlotWaitsUntilAnotherClosesOrIsIdle(t *testing.T) {
	for name, leave := range map[string]func(*boundedListener, *connection){
		"ends":    func(_ *boundedListener, conn *connection) { _ = conn.Close(); _ = conn.Close() },
		"is idle": func(c *boundedListener, conn *connection) { c.trackState(conn, http.StateIdle) },
	} {
		synctest.Test(t, func(t *testing.T) {
			from, c, served, log := serveBounded(t, 2)
			first, second := from.dial(), from.dial()
			one, two := <-served, <-served
			c.trackState(one, http.StateActive)
			c.trackState(two, http.StateActive)
			for range 2 {
				waiting := from.dial()
				synctest.Wait()
				if len(served) > 0 || !isOpen(first) || !isOpen(second) || !isOpen(waiting) {
					t.Errorf("%s: one above the bound was served, or another closed", name)
				}
				bubble.Sleep(time.Minute)
				leave(c, one)
				one, first = <-served, waiting
				c.trackState(one, http.StateActive)
			}
			if n := strings.Count(log.String(), "Config.MaxConnections"); n != 1 {
				t.Errorf("%s: said %d times: %s", name, n, log)
			}
		})
	}
}

func TestAConnectionThatWaitsForASlotIsRefusedWhenTheListenerCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, c, served, _ := serveBounded(t, 1)
		from.dial()
		conn := <-served
		waiting := from.dial()
		synctest.Wait()
		_ = c.Listener.Close()
		c.closeOnce.Do(func() { close(c.closed) })
		synctest.Wait()
		if isOpen(waiting) || len(served) > 0 {
			t.Error("it still waits")
		}
		_ = conn.Close()
		c.Listener = newPipeListener() // closed by the cleanup
	})
}
