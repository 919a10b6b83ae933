package e2e_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/limit"
)

func TestRequestsAboveTheServersLimitAreRefusedBeforeTheirHandler(t *testing.T) {
	svc := servicetest.New(t, sinew.Config{Limit: limit.Adaptive{Min: 1, Max: 1}})
	entered, leave := make(chan struct{}), make(chan struct{})
	svc.Handle("GET /work", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-leave
		w.WriteHeader(http.StatusNoContent)
	}))
	ask := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		svc.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		return w
	}
	first := make(chan int)
	go func() { first <- ask("/work").Code }()
	<-entered
	if w := ask("/work"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" ||
		!strings.Contains(w.Body.String(), `"reason":"overloaded"`) || !strings.Contains(w.Body.String(), `"unprocessed":true`) {
		t.Errorf("above the limit: %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := ask("/healthz"); w.Code != http.StatusOK {
		t.Errorf("the service's own page: %d", w.Code)
	}
	if err := svc.SetLimit(limit.Adaptive{Min: -1}); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "shop") {
		t.Errorf("an invalid limit: %v", err)
	}
	if err := svc.SetLimit(limit.Adaptive{Disabled: true}); err != nil {
		t.Fatal(err)
	}
	second := make(chan int)
	go func() { second <- ask("/work").Code }()
	<-entered
	close(leave)
	if a, b := <-first, <-second; a != http.StatusNoContent || b != http.StatusNoContent {
		t.Errorf("answered with %d and %d", a, b)
	}
}

func TestAPanicInAHandlerFreesItsPlaceInTheLimit(t *testing.T) {
	svc := servicetest.New(t, sinew.Config{Limit: limit.Adaptive{Min: 1, Max: 1}})
	svc.Handle("GET /work", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oops") }))
	for range 3 {
		w := httptest.NewRecorder()
		svc.Handler().ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), "GET", "/work", nil))
		if w.Code != http.StatusInternalServerError {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// oneAtATime is a service with a limit of one request, whose handler at /work answers at
// once.
func oneAtATime(t *testing.T, except ...string) *sinew.Service {
	t.Helper()
	svc := servicetest.New(t, sinew.Config{Limit: limit.Adaptive{Min: 1, Max: 1, Except: except}})
	svc.Handle("GET /work", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return svc
}

// assertRoom asserts that a request is admitted beside what is in flight.
func assertRoom(t *testing.T, svc *sinew.Service, beside string) {
	t.Helper()
	if code, _, body := servicetest.Get(t, svc.URL()+"/work"); code != http.StatusOK {
		t.Errorf("beside %s: %d %s", beside, code, body)
	}
}

func TestAStartedAnswerOccupiesNoPlaceInTheLimit(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin func(w http.ResponseWriter)
	}{
		{name: "a stream that is flushed", begin: func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }},
		{name: "a download", begin: func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, 100_000)) }},
		{name: "a status", begin: func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			svc := oneAtATime(t)
			begun, leave := make(chan struct{}), make(chan struct{})
			svc.Handle("GET /events", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				c.begin(w)
				close(begun)
				<-leave
			}))
			servicetest.Start(t, svc)
			over := make(chan struct{})
			go func() {
				defer close(over)
				if answer, err := http.Get(svc.URL() + "/events"); err == nil {
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
				}
			}()
			<-begun
			assertRoom(t, svc, c.name)
			close(leave)
			<-over
		})
	}
}

func TestAHijackedConnectionOccupiesNoPlaceInTheLimit(t *testing.T) {
	svc := oneAtATime(t)
	taken, leave := make(chan struct{}), make(chan struct{})
	svc.Handle("GET /socket", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		close(taken)
		<-leave
	}))
	servicetest.Start(t, svc)
	conn := dial(t, svc)
	fmt.Fprint(conn, "GET /socket HTTP/1.1\r\nHost: shop\r\n\r\n")
	<-taken
	assertRoom(t, svc, "a socket")
	close(leave)
}

func TestAnAwaitedBodyOccupiesNoPlaceInTheLimit(t *testing.T) {
	svc := oneAtATime(t)
	begun := make(chan struct{})
	svc.Handle("POST /work", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "slow sender." {
			t.Errorf("%q (%v)", body, err)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	servicetest.Start(t, svc)
	conn := dial(t, svc)
	fmt.Fprint(conn, "POST /work HTTP/1.1\r\nHost: shop\r\nContent-Length: 12\r\n\r\nslow")
	<-begun
	for { // until the handler reads
		if code, _, _ := servicetest.Get(t, svc.URL()+"/work"); code == http.StatusOK {
			break
		}
	}
	fmt.Fprint(conn, " sender.")
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(line, "204") {
		t.Errorf("the slow sender got %q (%v)", line, err)
	}
}

func TestAnExemptRouteIsOutsideTheLimit(t *testing.T) {
	svc := oneAtATime(t, "GET /poll")
	entered, leave := make(chan struct{}), make(chan struct{})
	svc.Handle("GET /poll", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-leave
	}))
	servicetest.Start(t, svc)
	over := make(chan int)
	for range 3 {
		go func() {
			code, _, _ := servicetest.Get(t, svc.URL()+"/poll")
			over <- code
		}()
		<-entered
	}
	assertRoom(t, svc, "three that poll")
	close(leave)
	for range 3 {
		if code := <-over; code != http.StatusOK {
			t.Errorf("a poll was answered with %d", code)
		}
	}
}

func dial(t *testing.T, svc *sinew.Service) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(svc.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
