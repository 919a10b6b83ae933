package sinew_test

import (
	"context"
	"errors"
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
