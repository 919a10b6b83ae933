package sinew

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
)

// piped is a listener of connections in this process.
type piped struct {
	next   chan net.Conn
	closed chan struct{}
}

func newPiped() *piped { return &piped{make(chan net.Conn), make(chan struct{})} }

func (p *piped) Accept() (net.Conn, error) {
	select {
	case c := <-p.next:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *piped) Close() error   { close(p.closed); return nil }
func (p *piped) Addr() net.Addr { return &net.TCPAddr{} }

// come is a caller's end of a connection that the listener gets.
func (p *piped) come() net.Conn {
	ours, theirs := net.Pipe()
	p.next <- theirs
	return ours
}

// bounding serves connections, at most so many, and gives each that has room.
func bounding(t *testing.T, most int) (from *piped, c *boundedListener, served chan *connection, log *bytes.Buffer) {
	log = &bytes.Buffer{}
	from, served = newPiped(), make(chan *connection, 10)
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

// open says that the other end has not closed a connection.
func open(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	return !errors.Is(err, io.EOF)
}

func TestAnIdleConnectionGivesWayTheLongestIdleFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, c, served, log := bounding(t, 3)
		var callers []net.Conn
		var conns []*connection
		for range 3 {
			callers = append(callers, from.come())
			conns = append(conns, <-served)
		}
		for _, n := range []int{1, 0, 2} {
			c.trackState(conns[n], http.StateActive)
			c.trackState(conns[n], http.StateIdle)
		}
		c.trackState(conns[0], http.StateActive) // it is in use again
		if !open(callers[0]) || !open(callers[1]) || !open(callers[2]) {
			t.Error("one gave way to nobody")
		}
		last := from.come()
		<-served
		if open(callers[1]) || !open(callers[0]) || !open(callers[2]) || !open(last) {
			t.Error("the longest idle was not the one that gave way")
		}
		if log.Len() > 0 {
			t.Errorf("there was room: %s", log)
		}
	})
}

func TestAConnectionWithoutRoomWaitsUntilOneEndsOrIsIdle(t *testing.T) {
	for name, leave := range map[string]func(*boundedListener, *connection){
		"ends":    func(_ *boundedListener, conn *connection) { _ = conn.Close(); _ = conn.Close() },
		"is idle": func(c *boundedListener, conn *connection) { c.trackState(conn, http.StateIdle) },
	} {
		synctest.Test(t, func(t *testing.T) {
			from, c, served, log := bounding(t, 2)
			first, second := from.come(), from.come()
			one, two := <-served, <-served
			c.trackState(one, http.StateActive)
			c.trackState(two, http.StateActive)
			for range 2 {
				waiting := from.come()
				synctest.Wait()
				if len(served) > 0 || !open(first) || !open(second) || !open(waiting) {
					t.Errorf("%s: one above the bound was served, or another closed", name)
				}
				<-time.After(time.Minute)
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

func TestWhoWaitsForRoomIsTurnedAwayAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, c, served, _ := bounding(t, 1)
		from.come()
		conn := <-served
		waiting := from.come()
		synctest.Wait()
		_ = c.Listener.Close()
		c.closeOnce.Do(func() { close(c.closed) })
		synctest.Wait()
		if open(waiting) || len(served) > 0 {
			t.Error("it still waits")
		}
		_ = conn.Close()
		c.Listener = newPiped() // closed by the cleanup
	})
}
