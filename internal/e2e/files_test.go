package e2e_test

import (
	"context"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/middleware"
)

type file struct {
	Body io.ReadCloser `body:"text/plain"`
}

// slowly has some bytes, a pause, and some more.
func slowly(pause time.Duration) io.ReadCloser {
	return io.NopCloser(io.MultiReader(strings.NewReader("first "), &pausing{pause}, strings.NewReader("last")))
}

type pausing struct{ d time.Duration }

func (p *pausing) Read([]byte) (int, error) {
	<-time.After(p.d)
	return 0, io.EOF
}

func TestFilesMayTakeLongerThanTheServersTimeLimits(t *testing.T) {
	const limit, pause = 100 * time.Millisecond, 300 * time.Millisecond
	up, down := rest.Route[sent, tick]{Pattern: "PUT /file"}, rest.Route[endpoint.None, file]{Pattern: "GET /file"}
	reg := registry.NewMemory()
	c := sinew.Config{Registry: reg, ReadTimeout: limit, WriteTimeout: limit}
	stock := sinew.New("stock", servicetest.Local(c))
	up.Handle(stock, func(_ context.Context, r sent) (tick, error) {
		n, err := io.Copy(io.Discard, r.Body)
		return tick{int(n)}, err
	})
	down.Handle(stock, func(context.Context, endpoint.None) (file, error) { return file{slowly(pause)}, nil })
	servicetest.Start(t, stock)
	gateway := sinew.New("gateway", servicetest.Local(c))
	up.Forward(gateway, gateway.Client("stock"))
	down.Forward(gateway, gateway.Client("stock"))
	servicetest.Start(t, gateway)
	for _, name := range []string{"stock", "gateway"} {
		client := servicetest.New(t, sinew.Config{Registry: reg}).Client(name)
		if got, err := up.Endpoint(client)(t.Context(), sent{slowly(pause)}); err != nil || got.N != 10 {
			t.Errorf("%s: of 10 bytes %d arrive, %v", name, got.N, err)
		}
		got, err := down.Endpoint(client)(t.Context(), endpoint.None{})
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(got.Body); err != nil || string(text) != "first last" {
			t.Errorf("%s: the download has %q, %v", name, text, err)
		}
		got.Body.Close()
	}
}

func TestAStreamPassesTheMiddlewaresOfAnAnswer(t *testing.T) {
	reg := registry.NewMemory()
	svc := sinew.New("stock", servicetest.Local(sinew.Config{Registry: reg}))
	svc.Use(middleware.Compression{}.Middleware(), middleware.ETag{}.Middleware())
	next := make(chan struct{})
	ticks.Handle(svc, func(context.Context, ticking) (iter.Seq2[tick, error], error) {
		return func(yield func(tick, error) bool) {
			yield(tick{1}, nil)
			<-next
			yield(tick{2}, nil)
		}, nil
	})
	servicetest.Start(t, svc)
	seq, err := ticks.Endpoint(servicetest.New(t, sinew.Config{Registry: reg}).Client("stock"))(t.Context(), ticking{})
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		if last = v.N; last == 1 {
			close(next) // only when the first value has arrived
		}
	}
	if last != 2 {
		t.Errorf("the last value is %d, want 2", last)
	}
}
