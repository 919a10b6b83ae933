package gin_test

import (
	"context"
	"errors"
	"iter"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	sinewgin "github.com/sinew-go/sinew/transport/gin"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestAStreamBehindGinArrivesAsItIsYieldedAndEndsWithTheService(t *testing.T) {
	ticks := rest.Route[endpoint.None, iter.Seq2[seen, error]]{Pattern: "GET /ticks"}
	svc, _ := newService(t, sinew.Config{})
	engine := gin.New(sinewgin.LikeServeMux)
	ticks.Handle(sinewgin.On(engine.Group("/v1")).Within(svc, engine), func(ctx context.Context, _ endpoint.None) (iter.Seq2[seen, error], error) {
		return func(yield func(seen, error) bool) {
			if yield(seen{Route: "first"}, nil) {
				<-ctx.Done()
			}
		}, nil
	})
	server := httptest.NewServer(svc.Handler())
	defer server.Close()
	seq, err := ticks.Endpoint(rest.Remote(server.URL+"/v1", server.Client()))(t.Context(), endpoint.None{})
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	var last error
	for value, err := range seq {
		if last = err; err == nil {
			if value.Route != "first" {
				t.Errorf("the first value is %v", value)
			}
			go func() { stopped <- svc.Shutdown(context.Background()) }() // only when the value has arrived
		}
	}
	if !errors.Is(last, fault.Unavailable) || !strings.Contains(last.Error(), "the service stops") {
		t.Errorf("the stream ends with %v", last)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
