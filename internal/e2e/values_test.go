package e2e_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/transport/rest"
)

type tick struct {
	N int `json:"n"`
}

type ticking struct {
	Fails bool `query:"fails" json:"-"`
}

var ticks = rest.Route[ticking, iter.Seq2[tick, error]]{Pattern: "GET /ticks"}

// ticker serves a stream that has one value and goes on until its context ends.
func ticker(t *testing.T, c sinew.Config) *sinew.Service {
	svc := sinew.New("stock", servicetest.Local(c))
	ticks.Handle(svc, func(ctx context.Context, r ticking) (iter.Seq2[tick, error], error) {
		return func(yield func(tick, error) bool) {
			if yield(tick{1}, nil); r.Fails {
				yield(tick{}, fault.DataLoss.Errorf("lost"))
				return
			}
			<-ctx.Done()
		}, nil
	})
	servicetest.Read.Handle(svc, func(context.Context, endpoint.None) (endpoint.None, error) { return endpoint.None{}, nil })
	servicetest.Start(t, svc)
	return svc
}

func TestIdleStreamsOfValuesOccupyNoPlaceInTheLimit(t *testing.T) {
	reg := registry.NewMemory()
	ticker(t, sinew.Config{Registry: reg, Limit: limit.Adaptive{Min: 1, Max: 1}})
	client := servicetest.New(t, sinew.Config{Registry: reg}).Client("stock")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began, ended := make(chan struct{}), make(chan error)
	const streams = 8
	for range streams {
		go func() {
			seq, err := ticks.Endpoint(client)(ctx, ticking{})
			for _, failure := range seq {
				if err = failure; err == nil {
					began <- struct{}{}
				}
			}
			ended <- err
		}()
		<-began
	}
	for range 20 {
		if _, err := servicetest.Read.Endpoint(client)(t.Context(), endpoint.None{}); err != nil {
			t.Errorf("beside idle streams a call fails: %v", err)
		}
	}
	cancel()
	for range streams {
		if err := <-ended; !errors.Is(err, fault.Canceled) {
			t.Errorf("the stream of a caller that has left ends with %v", err)
		}
	}
}

func TestAStreamDelaysNoShutdown(t *testing.T) {
	reg := registry.NewMemory()
	svc := ticker(t, sinew.Config{Registry: reg})
	client := servicetest.New(t, sinew.Config{Registry: reg}).Client("stock")
	stopped := make(chan error, 1)
	seq, err := ticks.Endpoint(client)(t.Context(), ticking{})
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range seq {
		if last = err; err == nil {
			go func() { stopped <- svc.Shutdown(t.Context()) }()
		}
	}
	if !errors.Is(last, fault.Unavailable) || !strings.Contains(last.Error(), "stops") {
		t.Errorf("the stream ends with %v", last)
	}
	if err := <-stopped; err != nil {
		t.Errorf("the service stops with %v", err)
	}
}

func TestAFailureInAStreamIsOneOfTheService(t *testing.T) {
	reg := registry.NewMemory()
	svc := ticker(t, sinew.Config{Registry: reg})
	client := servicetest.New(t, sinew.Config{Registry: reg}).Client("stock")
	seq, err := ticks.Endpoint(client)(t.Context(), ticking{Fails: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, failure := range seq {
		err = failure
	}
	if !errors.Is(err, fault.DataLoss) {
		t.Errorf("the stream ends with %v", err)
	}
	if err := svc.Shutdown(t.Context()); err != nil { // then the request has ended at the service, too
		t.Error(err)
	}
	all := strings.Join(servicetest.Series(svc, "sinew_server"), "\n")
	if want := `code="data_loss"`; !strings.Contains(all, want) {
		t.Errorf("the metrics do not count it: no %s in\n%s", want, all)
	}
}

type sent struct {
	Body io.Reader `body:""`
}

func TestARetriedUploadArrivesWhole(t *testing.T) {
	put := rest.Route[sent, tick]{Pattern: "PUT /file"}
	reg := registry.NewMemory()
	svc := sinew.New("stock", servicetest.Local(sinew.Config{Registry: reg}))
	runs := 0
	put.Handle(svc, func(_ context.Context, r sent) (tick, error) {
		n, err := io.Copy(io.Discard, r.Body)
		return tick{int(n)}, err
	}, func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			if runs++; runs == 1 {
				return nil, fault.Unavailable.Errorf("not yet").WithUnprocessed()
			}
			return next(ctx, request)
		}
	})
	servicetest.Start(t, svc)
	client := servicetest.New(t, sinew.Config{Registry: reg}).Client("stock")
	got, err := put.Endpoint(client)(t.Context(), sent{strings.NewReader(strings.Repeat("x", 1<<19))})
	if err != nil || got.N != 1<<19 || runs != 2 {
		t.Errorf("%d bytes arrive in %d attempts, %v; want all at the second", got.N, runs, err)
	}
}
