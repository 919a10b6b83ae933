package rest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/transport/rest"
)

// deadlines is a writer that records the deadlines set on it.
type deadlines struct {
	discarding
	read, write time.Time
	reads       int
	writes      int
}

func (d *deadlines) SetReadDeadline(at time.Time) error { d.read, d.reads = at, d.reads+1; return nil }
func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.write, d.writes = at, d.writes+1
	return nil
}

func TestARoutesTimeLimitsOverrideTheServers(t *testing.T) {
	type limits struct{ read, write time.Duration }
	nowhere := rest.Remote("http://127.0.0.1:1", &http.Client{Transport: &http.Transport{}})
	for _, tt := range []limits{{}, {time.Hour, 0}, {0, time.Hour}, {time.Hour, 2 * time.Hour}, {-1, -1}} {
		for _, c := range []struct {
			name  string
			serve func(rest.Route[*ReserveRequest, *Stock], *http.ServeMux)
		}{
			{name: "Handle", serve: func(r rest.Route[*ReserveRequest, *Stock], mux *http.ServeMux) {
				r.Handle(mux, func(context.Context, *ReserveRequest) (*Stock, error) { return &Stock{}, nil })
			}},
			{name: "Forward", serve: func(r rest.Route[*ReserveRequest, *Stock], mux *http.ServeMux) { r.Forward(mux, nowhere) }},
		} {
			mux := http.NewServeMux()
			route := Reserve
			route.ReadTimeout, route.WriteTimeout = tt.read, tt.write
			c.serve(route, mux)
			for _, length := range []int64{-1, 14, 0} {
				w := &deadlines{}
				r, _ := http.NewRequestWithContext(t.Context(), "POST", "/inventory/p/reserve", http.NoBody)
				r.ContentLength = length
				before := time.Now()
				mux.ServeHTTP(w, r)
				reads := tt.read != 0 && length != 0
				if (w.reads == 1) != reads || (w.writes == 1) != (tt.write != 0) {
					t.Errorf("%s, %+v: set %d and %d times", c.name, tt, w.reads, w.writes)
				}
				for _, limit := range []struct {
					at  time.Time
					d   time.Duration
					set bool
				}{{w.read, tt.read, reads}, {w.write, tt.write, tt.write != 0}} {
					if early := limit.d > 0 && limit.at.Before(before.Add(limit.d)); limit.set && (limit.at.IsZero() != (limit.d < 0) || early) {
						t.Errorf("%s, %+v: %s", c.name, tt, limit.at)
					}
				}
			}
		}
	}
}

// lateDeadlines is a writer that counts the deadlines set on it after its request was
// answered.
type lateDeadlines struct {
	discarding
	answered atomic.Bool
	late     *atomic.Int64
}

func (l *lateDeadlines) SetReadDeadline(time.Time) error {
	if l.answered.Load() {
		l.late.Add(1)
	}
	return nil
}

func TestNothingUsesTheWriterOfARequestOfValuesThatIsAnswered(t *testing.T) {
	var late atomic.Int64
	synctest.Test(t, func(t *testing.T) {
		for range 100 { // the end of the context and that of the handler meet
			ctx, cancel := context.WithCancel(t.Context())
			mux := http.NewServeMux()
			importNotes.Handle(mux, func(context.Context, imported) (count, error) {
				cancel()
				return count{}, nil
			})
			w := &lateDeadlines{late: &late}
			r := httptest.NewRequestWithContext(ctx, "POST", "/notes", strings.NewReader("{}\n"))
			r.Header.Set("Content-Type", "application/x-ndjson")
			mux.ServeHTTP(w, r)
			w.answered.Store(true)
			synctest.Wait()
		}
	})
	if n := late.Load(); n != 0 {
		t.Errorf("%d of 100 requests have a deadline set after they are answered, want none", n)
	}
}
