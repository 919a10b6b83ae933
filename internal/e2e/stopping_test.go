package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/internal/servicetest/stock"
	"github.com/sinew-go/sinew/registry"
)

// stream serves events until the service stops, or endlessly if it does not observe that.
func stream(svc *sinew.Service, observes bool) {
	stopping := svc.Stopping()
	if !observes {
		stopping = nil
	}
	svc.Handle("GET /events", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for n := 0; ; n++ {
			_, _ = fmt.Fprintf(w, "data: %d\n\n", n)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-stopping:
				_, _ = io.WriteString(w, "data: bye\n\n")
				return
			case <-r.Context().Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}))
}

func TestAStreamThatObservesStoppingEndsCleanlyAndDelaysNothing(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/1.0"} {
		svc := sinew.New("inventory", servicetest.Local(sinew.Config{}))
		stream(svc, true)
		servicetest.Start(t, svc)
		select {
		case <-svc.Stopping():
			t.Fatal("it says that it stops")
		default:
		}
		c, err := net.Dial("tcp", strings.TrimPrefix(svc.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(c, "GET /events %s\r\nHost: x\r\n\r\n", protocol)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 8)
		if _, err := io.ReadFull(answer.Body, first); err != nil {
			t.Fatal(err)
		}
		down := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			down <- svc.Shutdown(ctx)
		}()
		rest, err := io.ReadAll(answer.Body)
		if err != nil || !strings.HasSuffix(string(rest), "data: bye\n\n") {
			t.Errorf("%s: the stream ended with %v: %q", protocol, err, rest)
		}
		if err := <-down; err != nil {
			t.Errorf("%s: Shutdown: %v", protocol, err)
		}
		<-svc.Stopping()
		_ = c.Close()
	}
}

func TestStoppingIsClosedBeforeAnythingStops(t *testing.T) {
	reg := registry.NewMemory()
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Registry: reg}))
	jobErr := make(chan error, 1)
	svc.Go(func(ctx context.Context) {
		<-svc.Stopping()
		jobErr <- ctx.Err() // jobs are stopped last
		<-ctx.Done()
	})
	servicetest.Start(t, svc)
	if err := svc.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-jobErr; err != nil {
		t.Errorf("a job heard of it when it was over: %v", err)
	}
	unstarted := sinew.New("inventory", servicetest.Local(sinew.Config{}))
	_ = unstarted.Shutdown(t.Context())
	<-unstarted.Stopping()
}

func TestShutdownWithoutADeadlineEndsByItselfAndLogsWhatDidNotEnd(t *testing.T) {
	for _, c := range []struct {
		name     string
		obstacle func(svc *sinew.Service, l *servicetest.Pipe)
	}{
		{name: `handling inventory.low_stock as group "g" was cut off: deadline_exceeded: 1 events of topic inventory.low_stock are not handled`, obstacle: func(svc *sinew.Service, _ *servicetest.Pipe) {
			_ = api.LowStock.Handle(svc, "g", func(context.Context, api.StockEvent) error { return errors.New("the disk is full") })
			_ = api.LowStock.Publish(context.Background(), svc, api.StockEvent{})
		}},
		{name: "requests were cut off", obstacle: func(svc *sinew.Service, l *servicetest.Pipe) {
			c := l.Client()
			go func() {
				answer, err := c.Get("http://x/events")
				if err == nil {
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
				}
				c.CloseIdleConnections()
			}()
		}},
		{name: "background job", obstacle: func(svc *sinew.Service, _ *servicetest.Pipe) {
			svc.Go(func(context.Context) { <-time.After(time.Hour) })
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			l := servicetest.NewPipe()
			bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
			svc := sinew.New("inventory", sinew.Config{Listener: l, Bus: bus, Logger: slog.New(slog.NewTextHandler(&log, nil)), DrainDelay: -1})
			stream(svc, false)
			if err := svc.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.obstacle(svc, l)
			synctest.Wait()
			begun := time.Now()
			err := svc.Shutdown(context.Background())
			if took := time.Since(begun); took > 31*time.Second || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), c.name) {
				t.Errorf("%s: after %s: %v", c.name, took, err)
			}
			if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(strings.ReplaceAll(log.String(), `\"`, `"`), c.name) {
				t.Errorf("%s: the log says %s", c.name, &log)
			}
			_ = bus.Close(context.Background())
			bubble.Sleep(time.Hour)
		})
	}
}

// Browsers, pools and health checks open connections before they have anything to
// send.
func TestASilentConnectionDelaysShutdownByASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		reached := func() (*sinew.Service, net.Conn) {
			l := servicetest.NewPipe()
			svc := sinew.New("inventory", sinew.Config{Listener: l, Logger: servicetest.NoLog, DrainDelay: -1})
			svc.Handle("GET /slow", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-answer }))
			if err := svc.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			conn, there := net.Pipe()
			l.Conns <- there
			synctest.Wait()
			return svc, conn
		}
		svc, silent := reached()
		defer func() { _ = silent.Close() }()
		begun := time.Now()
		if err := svc.Shutdown(t.Context()); err != nil || time.Since(begun) > 2*time.Second {
			t.Errorf("after %s: %v", time.Since(begun), err)
		}

		svc, asking := reached()
		defer func() { _ = asking.Close() }()
		_, _ = io.WriteString(asking, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait() // until it is in flight
		time.AfterFunc(10*time.Second, func() { close(answer) })
		down := make(chan error, 1)
		go func() { down <- svc.Shutdown(t.Context()) }()
		got, err := http.ReadResponse(bufio.NewReader(asking), nil)
		if err != nil || got.StatusCode != 200 {
			t.Errorf("a request under way is answered with %v, %v", got, err)
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}

func TestListenerIsServedOnAndClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := servicetest.NewPipe()
		svc := sinew.New("inventory", sinew.Config{Listener: l, Logger: slog.New(slog.NewTextHandler(&log, nil)), DrainDelay: -1})
		api.GetStock.Handle(svc, stock.Get)
		if err := svc.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		c := l.Client()
		answer, err := c.Get(svc.URL() + "/inventory/p-1")
		if err != nil || answer.StatusCode != 200 || svc.AdminURL() != "" {
			t.Errorf("%v, %v; the admin pages are at %q", answer, err, svc.AdminURL())
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		c.CloseIdleConnections()
		if err := svc.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		<-l.Closed
		if strings.Contains(log.String(), "registered") {
			t.Errorf("there is no registry: %s", &log)
		}
		unused := servicetest.NewPipe()
		if err := sinew.New("inventory", sinew.Config{Listener: unused, Logger: servicetest.NoLog}).Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		<-unused.Closed
		remotely := servicetest.NewPipe()
		svc = sinew.New("inventory", sinew.Config{Listener: remotely, Logger: servicetest.NoLog, Registry: servicetest.RemoteRegistry(), DrainDelay: -1})
		if err := svc.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "Config.Advertise") {
			t.Errorf("a socket of this machine in a registry: %v", err)
		}
		<-remotely.Closed
		_ = svc.Shutdown(t.Context())
	})
}

func TestAListenerThatWasHandedOverIsAdvertisedAtItsAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	reg := registry.NewMemory()
	svc := sinew.New("inventory", sinew.Config{Listener: l, Registry: reg, Logger: servicetest.NoLog, DrainDelay: -1})
	servicetest.Start(t, svc)
	all, _ := reg.Services(t.Context())
	if want := "http://" + l.Addr().String(); svc.URL() != want || len(all) != 1 || all[0].Endpoint != want {
		t.Errorf("%s: %v", svc.URL(), all)
	}
}
