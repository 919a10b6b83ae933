package e2e_test

import (
	"context"
	"io"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/bubble"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/middleware"
)

type file struct {
	Body io.ReadCloser `body:"text/plain"`
}

// slowly has a byte after each of n pauses.
type slowly struct {
	n     int
	pause time.Duration
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.n == 0 {
		return 0, io.EOF
	}
	bubble.Sleep(s.pause)
	s.n--
	p[0] = 'x'
	return 1, nil
}

func (s *slowly) Close() error { return nil }

func TestFilesMayTakeLongerThanTheServersTimeLimitsButMustGoOn(t *testing.T) {
	up, down := rest.Route[sent, tick]{Pattern: "PUT /file"}, rest.Route[endpoint.None, file]{Pattern: "GET /file"}
	for pause, arrives := range map[time.Duration]bool{20 * time.Second: true, 40 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			l := servicetest.NewPipe()
			svc := sinew.New("stock", sinew.Config{Listener: l, Logger: servicetest.NoLog, DrainDelay: -1})
			up.Handle(svc, func(_ context.Context, r sent) (tick, error) {
				n, err := io.Copy(io.Discard, r.Body)
				return tick{int(n)}, err
			})
			down.Handle(svc, func(context.Context, endpoint.None) (file, error) { return file{&slowly{20, pause}}, nil })
			servicetest.Start(t, svc)
			client := l.Client()
			defer client.CloseIdleConnections()
			c := rest.Remote("http://stock", client)
			got, err := up.Endpoint(c)(t.Context(), sent{&slowly{20, pause}}) // 400 seconds
			if (err == nil && got.N == 20) != arrives {
				t.Errorf("an upload with pauses of %s ends with %d bytes, %v", pause, got.N, err)
			}
			answer, err := down.Endpoint(c)(t.Context(), endpoint.None{})
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if n, err := io.Copy(io.Discard, answer.Body); err != nil || n != 20 { // the caller accepts all the time
				t.Errorf("a download with pauses of %s ends with %d bytes, %v", pause, n, err)
			}
		})
	}
}

func TestAStreamMayBeSilentForLongerThanTheServersTimeLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := servicetest.NewPipe()
		svc := sinew.New("stock", sinew.Config{Listener: l, Logger: servicetest.NoLog, DrainDelay: -1})
		ticks.Handle(svc, func(context.Context, ticking) (iter.Seq2[tick, error], error) {
			return func(yield func(tick, error) bool) {
				if yield(tick{1}, nil) {
					bubble.Sleep(time.Hour)
					yield(tick{2}, nil)
				}
			}, nil
		})
		servicetest.Start(t, svc)
		client := l.Client()
		defer client.CloseIdleConnections()
		seq, err := ticks.Endpoint(rest.Remote("http://stock", client))(t.Context(), ticking{})
		last := 0
		for v, failure := range seq {
			last, err = v.N, failure
		}
		if err != nil || last != 2 {
			t.Errorf("after an hour of silence comes %d, %v", last, err)
		}
	})
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
