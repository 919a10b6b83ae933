package sinew_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestEveryLimitOfTheHTTPServerIsSet(t *testing.T) {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{}))
	got := make(chan *http.Server, 1)
	servicetest.Read.Handle(svc, func(ctx context.Context, _ rest.None) (rest.None, error) {
		server, _ := ctx.Value(http.ServerContextKey).(*http.Server)
		got <- server
		return rest.None{}, nil
	})
	servicetest.Start(t, svc)
	if status, _, body := servicetest.Get(t, svc.URL()+"/look"); status != http.StatusNoContent {
		t.Fatal(status, body)
	}
	s := <-got
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout < s.ReadHeaderTimeout || s.WriteTimeout < s.ReadTimeout || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("read header %s, read %s, write %s, idle %s, %d bytes of header",
			s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout, s.MaxHeaderBytes)
	}
	if s.ErrorLog == nil {
		t.Error("what the server complains of goes to the standard logger")
	}
}

func TestAHeaderAboveTheLimitIsRefusedAndOneBelowIsNot(t *testing.T) {
	admin := servicetest.FreeAddr(t)
	svc := servicetest.StartInventory(t, sinew.Config{Admin: admin})
	defer http.DefaultClient.CloseIdleConnections()
	for _, url := range []string{svc.URL(), "http://" + admin} {
		for size, want := range map[int]int{32 << 10: http.StatusOK, 128 << 10: http.StatusRequestHeaderFieldsTooLarge} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/healthz", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Large", strings.Repeat("x", size))
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("%s with a header of %d bytes: %d, want %d", url, size, answer.StatusCode, want)
			}
		}
	}
}
