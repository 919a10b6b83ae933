package e2e_test

import (
	"context"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
)

type ticksSent struct {
	Ticks iter.Seq2[tick, error] `body:"application/x-ndjson"`
}

func TestACallerThatStallsAfterItsRefusalHoldsNoConnection(t *testing.T) {
	up := rest.Route[sent, tick]{Pattern: "PUT /file"}
	many := rest.Route[ticksSent, endpoint.None]{Pattern: "POST /ticks"}
	for _, c := range []struct {
		method, path, kind, begin string
	}{
		{"PUT", "/file", "application/octet-stream", ""},
		{"PUT", "/file", "image/png", "x"}, // 415
		{"POST", "/ticks", "application/x-ndjson", "{\"n\":\"one\"}\n"},
	} {
		for _, isForwarded := range []bool{false, true} { // each hop awaits the rest of the body for 30 s
			most := 30 * time.Second
			if isForwarded {
				most *= 2
			}
			synctest.Test(t, func(t *testing.T) {
				l := servicetest.NewPipe()
				svc := sinew.New("stock", sinew.Config{Listener: l, Logger: servicetest.NoLog, DrainDelay: -1})
				up.Handle(svc, func(context.Context, sent) (tick, error) { return tick{}, fault.PermissionDenied })
				many.Handle(svc, func(_ context.Context, r ticksSent) (endpoint.None, error) {
					for _, err := range r.Ticks {
						return endpoint.None{}, err
					}
					return endpoint.None{}, nil
				})
				servicetest.Start(t, svc)
				client := l.Client()
				defer client.CloseIdleConnections()
				if isForwarded {
					l = servicetest.NewPipe()
					gateway := sinew.New("gateway", sinew.Config{Listener: l, Logger: servicetest.NoLog, DrainDelay: -1})
					up.Forward(gateway, rest.Remote("http://stock", client))
					many.Forward(gateway, rest.Remote("http://stock", client))
					servicetest.Start(t, gateway)
					client = l.Client()
					defer client.CloseIdleConnections()
				}
				from, to := io.Pipe()
				defer to.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				r, _ := http.NewRequestWithContext(ctx, c.method, "http://stock"+c.path, io.MultiReader(strings.NewReader(c.begin), from))
				r.Header.Set("Content-Type", c.kind)
				start := time.Now()
				answer, err := client.Do(r)
				if err != nil {
					t.Fatalf("%s %s of type %s: no answer in an hour: %v", c.method, c.path, c.kind, err)
				}
				answer.Body.Close()
				if took := time.Since(start); answer.StatusCode < 400 || took > most {
					t.Errorf("%s %s of type %s, forwarded %t: status %d after %s, want a refusal after %s at most", c.method, c.path, c.kind, isForwarded, answer.StatusCode, took, most)
				}
			})
		}
	}
}
