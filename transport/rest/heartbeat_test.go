package rest_test

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"
)

func TestASilentStreamHasAHeartbeatEvery15Seconds(t *testing.T) {
	for accept, want := range map[string]string{
		"text/event-stream":    ":\n\n:\n\ndata: {\"status\":\"paid\",\"notes\":[]}\n\n:\n\nevent: end\ndata: {}\n\n",
		"application/x-ndjson": "\n\n{\"status\":\"paid\",\"notes\":[]}\n\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			mux := http.NewServeMux()
			watchPlain.Handle(mux, func(context.Context, watch) (iter.Seq2[*status, error], error) {
				return func(yield func(*status, error) bool) {
					bubble.Sleep(40 * time.Second)
					yield(&status{Status: "paid"}, nil)
					bubble.Sleep(16 * time.Second)
				}, nil
			})
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders/1/states", nil)
			r.Header.Set("Accept", accept)
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			bubble.Sleep(time.Minute)
			if got := w.Body.String(); got != want {
				t.Errorf("%s: the stream is %q, want %q", accept, got, want)
			}
		})
	}
}

func TestAStreamWhoseWriterFailsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mux := http.NewServeMux()
		watchPlain.Handle(mux, func(ctx context.Context, _ watch) (iter.Seq2[*status, error], error) {
			return func(func(*status, error) bool) { <-ctx.Done() }, nil
		})
		started := time.Now()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders/1/states", nil)
		mux.ServeHTTP(deaf{httptest.NewRecorder()}, r)
		if d := time.Since(started); d != 15*time.Second {
			t.Errorf("a caller that has vanished is noticed after %s, want with the first heartbeat", d)
		}
	})
}

// deaf is a writer whose caller accepts nothing.
type deaf struct{ *httptest.ResponseRecorder }

func (deaf) Write([]byte) (int, error) { return 0, http.ErrHandlerTimeout }

func TestStreamsHaveNoEmptyHeader(t *testing.T) {
	url := served(t, func(mux *http.ServeMux) {
		watchPlain.Handle(mux, func(context.Context, watch) (iter.Seq2[*status, error], error) { return yields(nil), nil })
	})
	answer, err := http.Get(url + "/orders/1/states")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"} {
		if got := strings.Join(answer.Header[name], ","); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
