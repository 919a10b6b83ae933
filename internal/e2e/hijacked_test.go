package e2e_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/internal/servicetest"
)

// upgrades hijacks connections. When the service stops, it says good-bye a moment later,
// or never if it does not observe that.
func upgrades(svc *sinew.Service, observes bool) {
	svc.Handle("GET /socket", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello")
		_ = buffered.Flush()
		if observes {
			<-svc.Stopping()
			bubble.Sleep(time.Second)
		} else {
			bubble.Sleep(time.Hour)
		}
		_, _ = buffered.WriteString("bye")
		_ = buffered.Flush()
	}))
}

func TestAHijackedConnectionIsClosedWhenTheTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := servicetest.NewPipe()
		svc := sinew.New("inventory", sinew.Config{Listener: l, Logger: servicetest.NoLog, DrainDelay: -1})
		ended := make(chan error, 1)
		svc.Handle("GET /socket", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\n")
			_ = buffered.Flush()
			_, err = conn.Read(make([]byte, 1)) // it waits only for its peer
			ended <- err
		}))
		if err := svc.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		defer func() { _ = here.Close() }()
		l.Conns <- there
		_, _ = io.WriteString(here, "GET /socket HTTP/1.1\r\nHost: x\r\n\r\n")
		if answer, err := http.ReadResponse(bufio.NewReader(here), nil); err != nil || answer.StatusCode != 101 {
			t.Fatal(answer, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := svc.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "taken over") {
			t.Error(err)
		}
		synctest.Wait()
		select {
		case err := <-ended:
			if err == nil {
				t.Error("it read something")
			}
		default:
			t.Error("the handler still waits")
		}
	})
}

func TestShutdownWaitsForHijackedConnections(t *testing.T) {
	for _, heeds := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := servicetest.NewPipe()
			svc := sinew.New("inventory", sinew.Config{Listener: l, Logger: servicetest.NoLog, DrainDelay: -1})
			upgrades(svc, heeds)
			if err := svc.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			here, there := net.Pipe()
			l.Conns <- there
			_, _ = io.WriteString(here, "GET /socket HTTP/1.1\r\nHost: x\r\n\r\n")
			in := bufio.NewReader(here)
			answer, err := http.ReadResponse(in, nil)
			if err != nil || answer.StatusCode != 101 {
				t.Fatal(answer, err)
			}
			heard := make(chan string, 1)
			go func() {
				all, _ := io.ReadAll(in)
				heard <- string(all)
			}()
			synctest.Wait()
			begun := time.Now()
			err = svc.Shutdown(context.Background())
			took := time.Since(begun)
			if heeds && (err != nil || took > 2*time.Second || <-heard != "hellobye") {
				t.Errorf("after %s: %v", took, err)
			}
			if !heeds && (!errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "GET /socket") || took > 31*time.Second) {
				t.Errorf("after %s: %v", took, err)
			}
			bubble.Sleep(2 * time.Hour)
			_ = here.Close()
		})
	}
}

func TestTheLatencyOfAnUpgradedRequestEndsWithTheUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := servicetest.NewPipe()
		svc := sinew.New("inventory", sinew.Config{Listener: l, Logger: servicetest.NoLog, DrainDelay: -1})
		svc.Handle("GET /socket", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			bubble.Sleep(2 * time.Second)
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\n")
			_ = buffered.Flush()
			bubble.Sleep(time.Hour)
			_ = conn.Close()
		}))
		if err := svc.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		l.Conns <- there
		_, _ = io.WriteString(here, "GET /socket HTTP/1.1\r\nHost: x\r\n\r\n")
		_, _ = io.ReadAll(here)
		synctest.Wait()
		if err := svc.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		got := servicetest.Series(svc, "sinew_server_request_duration_seconds_sum")
		if len(got) != 1 || !strings.HasSuffix(got[0], " 2") {
			t.Errorf("the latencies are %v, want 2 s", got)
		}
		if got := servicetest.Series(svc, "sinew_server_requests_total"); len(got) != 1 || !strings.Contains(got[0], `code="ok"`) {
			t.Errorf("the requests are %v, want one success", got)
		}
	})
}
