package grpc_test

import (
	"context"
	"io"
	"iter"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/transport/grpc"
)

// settles waits until no more goroutines run than before.
func settles(t *testing.T, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		<-time.After(25 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines run, and %d did before\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}

// sendHalf begins a request and sends no more than half of a message, until ctx ends.
func sendHalf(ctx context.Context, client *http.Client, url string) (*http.Response, error) {
	read, write := io.Pipe()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, read)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/grpc")
	go func() { _, _ = write.Write([]byte{0, 0, 0, 0, 9, 1, 2}) }()
	context.AfterFunc(ctx, func() { _ = write.CloseWithError(context.Canceled) })
	return client.Do(r)
}

func TestACallerThatStopsWithinAMessageIsRefusedInTime(t *testing.T) {
	svc := service("stock", sinew.Config{Limit: limit.Adaptive{Min: 1, Max: 1}, ReadTimeout: time.Second})
	serveTests(svc)
	start(t, svc)
	w, err := sendHalf(t.Context(), http2Client(), svc.URL()+unary.Name)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, w.Body)
	_ = w.Body.Close()
	if got := w.Header.Get("Grpc-Status") + w.Trailer.Get("Grpc-Status"); w.StatusCode != http.StatusOK || got != "3" {
		t.Errorf("it is answered with HTTP %d and status %q", w.StatusCode, got)
	}
	if _, err := unary.Endpoint(callerOf(t, svc, single))(t.Context(), &testpb.SimpleRequest{}); err != nil {
		t.Errorf("it still occupies its place in the limit: %v", err)
	}
}

func TestAStreamThatStopsWithinAMessageMayGoOn(t *testing.T) {
	svc := service("stock", sinew.Config{ReadTimeout: 100 * time.Millisecond})
	serveTests(svc)
	start(t, svc)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	w, err := sendHalf(ctx, http2Client(), svc.URL()+upload.Name)
	if err != nil {
		return // ctx has ended before an answer
	}
	defer func() { _ = w.Body.Close() }()
	if _, err := io.Copy(io.Discard, w.Body); err == nil && ctx.Err() == nil {
		t.Errorf("the stream is answered with %v %v", w.Header, w.Trailer)
	}
}

func TestManyStreamsThatAreResetLeaveNothing(t *testing.T) {
	svc := service("stock", sinew.Config{})
	serveTests(svc)
	start(t, svc)
	c := callerOf(t, svc, single)
	if _, err := unary.Endpoint(c)(t.Context(), &testpb.SimpleRequest{}); err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	client := http2Client()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 500 {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(200*time.Microsecond, cancel)
				if w, err := sendHalf(ctx, client, svc.URL()+duplex.Name); err == nil {
					_ = w.Body.Close()
				}
				cancel()
			}
		})
	}
	all.Wait()
	client.CloseIdleConnections()
	if _, err := unary.Endpoint(c)(t.Context(), &testpb.SimpleRequest{}); err != nil {
		t.Errorf("afterwards a call fails: %v", err)
	}
	settles(t, before+4)
}

func TestACallerThatGoesEndsItsStream(t *testing.T) {
	svc := service("stock", sinew.Config{})
	ended := make(chan error, 1)
	duplex.Handle(svc, func(ctx context.Context, all iter.Seq2[*order, error]) iter.Seq2[*piece, error] {
		return func(func(*piece, error) bool) {
			for _, err := range all {
				if err != nil {
					ended <- err
				}
			}
			<-ctx.Done()
		}
	})
	start(t, svc)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, _ = sendHalf(ctx, http2Client(), svc.URL()+duplex.Name)
	cancel()
	if err := <-ended; fault.CodeOf(err) != fault.Canceled {
		t.Errorf("the handler gets %v", err)
	}
}

func TestStreamsThatAreAbandonedLeaveNoGoroutine(t *testing.T) {
	svc := service("stock", sinew.Config{})
	unary.Handle(svc, answer)
	download.Handle(svc, func(ctx context.Context, _ *order) iter.Seq2[*piece, error] {
		return func(yield func(*piece, error) bool) {
			for yield(&piece{Payload: payload(1)}, nil) {
			}
		}
	})
	duplex.Handle(svc, echo)
	start(t, svc)
	c := callerOf(t, svc, single)
	if _, err := unary.Endpoint(c)(t.Context(), &testpb.SimpleRequest{}); err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	endless := func(yield func(*order, error) bool) {
		for yield(sizes(1), nil) {
		}
	}
	for range 30 {
		_ = download.Endpoint(c)(t.Context(), sizes()) // is never iterated
		for range download.Endpoint(c)(t.Context(), sizes()) {
			break
		}
		n := 0
		for range duplex.Endpoint(c)(t.Context(), endless) {
			if n++; n == 5 {
				break
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		_, _ = total(duplex.Endpoint(c)(ctx, endless))
		cancel()
	}
	settles(t, before+3)
}

// silent accepts connections, and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return "http://" + l.Addr().String()
}

func TestACalleeThatSaysNothingDoesNotHoldItsCaller(t *testing.T) {
	c := grpc.Remote(silent(t), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := unary.Endpoint(c)(ctx, &testpb.SimpleRequest{})
	_, err2 := total(download.Endpoint(c)(ctx, sizes(1)))
	_, err3 := upload.Endpoint(c)(ctx, yieldAll(&testpb.StreamingInputCallRequest{}))
	_, err4 := total(duplex.Endpoint(c)(ctx, yieldAll(sizes(1))))
	for i, err := range []error{err, err2, err3, err4} {
		if fault.CodeOf(err) != fault.DeadlineExceeded || strings.Contains(err.Error(), "panic") {
			t.Errorf("method %d: %v", i, err)
		}
	}
}

func TestAConnectionOnWhichNothingArrivesIsPinged(t *testing.T) {
	c, ok := grpc.Remote("http://stock", nil).(interface{ HTTP2Client() *http.Client })
	if !ok {
		t.Fatal("Remote has no client")
	}
	own, ok := c.HTTP2Client().Transport.(*http.Transport)
	if !ok || own.HTTP2 == nil || own.HTTP2.SendPingTimeout == 0 || own.HTTP2.PingTimeout == 0 {
		t.Error("a stream to a callee that has vanished never ends")
	}
}
