package wire_test

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/internal/wire"
)

// network is a writer whose writes wait for a send on pass, unless that is nil.
type network struct {
	pass   chan struct{}
	writes [][]byte
	err    error
}

func (n *network) Header() http.Header { return http.Header{} }
func (n *network) WriteHeader(int)     {}
func (n *network) Flush()              {}
func (n *network) Write(p []byte) (int, error) {
	if n.pass != nil {
		<-n.pass
	}
	if n.err != nil {
		return 0, n.err
	}
	n.writes = append(n.writes, bytes.Clone(p))
	return len(p), nil
}

func send(t *testing.T, w *wire.StreamWriter, message string) {
	t.Helper()
	if _, err := w.Write([]byte(message)); err != nil {
		t.Fatal(err)
	}
	w.Flush()
}

// begun returns a StreamWriter whose first message is sent.
func begun(t *testing.T, n *network) *wire.StreamWriter {
	t.Helper()
	pass := n.pass
	n.pass = nil
	w := wire.NewStreamWriter(n, nil)
	send(t, w, "0")
	n.pass = pass
	return w
}

func TestAMessageThatNothingIsBeforeLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := begun(t, n)
		defer w.Close()
		if len(n.writes) != 1 {
			t.Errorf("the first message made %d writes; want 1", len(n.writes))
		}
		send(t, w, "1")
		synctest.Wait()
		if len(n.writes) != 2 {
			t.Errorf("two messages made %d writes; want 2", len(n.writes))
		}
	})
}

func TestMessagesBehindASlowWriteLeaveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{pass: make(chan struct{})}
		w := begun(t, n)
		send(t, w, "1")
		synctest.Wait()
		send(t, w, "2")
		send(t, w, "3")
		n.pass <- struct{}{}
		n.pass <- struct{}{}
		w.Close()
		if len(n.writes) != 3 || string(n.writes[2]) != "23" {
			t.Errorf("the network got %q; want 0, 1 and 23", n.writes)
		}
	})
}

func TestAHandlerWaitsForASlowNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{pass: make(chan struct{})}
		w := begun(t, n)
		accepted := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 1000 {
				send(t, w, string(make([]byte, 1000)))
				accepted++
			}
			w.Close()
		}()
		synctest.Wait()
		if accepted > 100 {
			t.Errorf("a thousand bytes each of %d messages wait for the network; want some 32 KiB", accepted)
		}
		close(n.pass)
		<-done
		if got := len(bytes.Join(n.writes, nil)); got != 1_000_001 {
			t.Errorf("the network got %d bytes; want 1,000,001", got)
		}
	})
}

func TestAFailureOfTheNetworkReachesTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		w := begun(t, n)
		defer w.Close()
		n.err = errors.New("gone")
		send(t, w, "1")
		synctest.Wait()
		if _, err := w.Write([]byte("2")); !errors.Is(err, n.err) {
			t.Errorf("a write after the failure returned %v; want %v", err, n.err)
		}
	})
}

func TestWhatIsNotFlushedLeavesWhenTheHandlerEnds(t *testing.T) {
	n := &network{}
	w := begun(t, n)
	_, _ = w.Write([]byte("1"))
	w.Close()
	if got := string(bytes.Join(n.writes, nil)); got != "01" {
		t.Errorf("the network got %q; want 01", got)
	}
}

func TestBytesOfAStreamKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := &network{}
		w := wire.NewStreamWriter(n, nil)
		var want []byte
		for range rapid.IntRange(0, 50).Draw(t, "pieces") {
			p := rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "piece")
			want = append(want, p...)
			if _, err := w.Write(p); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "flush") {
				w.Flush()
			}
		}
		w.Close()
		if got := bytes.Join(n.writes, nil); !bytes.Equal(got, want) {
			t.Errorf("the network got %d bytes that are not the %d written", len(got), len(want))
		}
	})
}
