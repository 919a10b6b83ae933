package wire_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/wire"
)

func TestTheTimeLeftIsReadInTheWordsOfEachWire(t *testing.T) {
	for _, c := range []struct {
		header, text string
		want         time.Duration // 0: no deadline
	}{
		{"X-Request-Timeout", "1500ms", 1500 * time.Millisecond},
		{"X-Request-Timeout", "soon", 0},
		{"Grpc-Timeout", "2H", 2 * time.Hour},
		{"Grpc-Timeout", "3M", 3 * time.Minute},
		{"Grpc-Timeout", "4S", 4 * time.Second},
		{"Grpc-Timeout", "5m", 5 * time.Millisecond},
		{"Grpc-Timeout", "6u", 6 * time.Microsecond},
		{"Grpc-Timeout", "7n", 7 * time.Nanosecond},
		{"Grpc-Timeout", "99999999H", 0}, // longer than a time.Duration
		{"Grpc-Timeout", "123456789n", 0},
		{"Grpc-Timeout", "5x", 0},
		{"Grpc-Timeout", "-5S", 0},
		{"Grpc-Timeout", "S", 0},
		{"Grpc-Timeout", "", 0},
		{"Connect-Timeout-Ms", "250", 250 * time.Millisecond},
		{"Connect-Timeout-Ms", "12345678901", 0},
		{"Connect-Timeout-Ms", "1s", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
			r.Header.Set(c.header, c.text)
			ctx, stop, err := wire.Read(r, nil)
			defer stop()
			if err != nil {
				t.Errorf("%s: %s is refused: %v", c.header, c.text, err)
			}
			at, ok := ctx.Deadline()
			if ok != (c.want > 0) || ok && time.Until(at) != c.want {
				t.Errorf("%s: %s leaves %s, want %s", c.header, c.text, time.Until(at), c.want)
			}
		})
	}
}

func TestOfSeveralTimeoutsTheShortestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.Header.Set("X-Request-Timeout", "900ms")
		r.Header.Set("Grpc-Timeout", "1S")
		ctx, stop, _ := wire.Read(r, nil)
		defer stop()
		if left := time.Until(call.Of(ctx).Deadline); left != 900*time.Millisecond {
			t.Errorf("%s are left, want 900ms", left)
		}
	})
}

func TestACallWithoutTimeLeftIsRefused(t *testing.T) {
	for header, text := range map[string]string{"X-Request-Timeout": "0s", "Grpc-Timeout": "0n", "Connect-Timeout-Ms": "0"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.Header.Set(header, text)
		_, stop, err := wire.Read(r, nil)
		stop()
		if err == nil {
			t.Errorf("%s: %s is accepted", header, text)
		}
	}
}
