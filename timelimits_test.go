package sinew_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/transport/rest"
)

// serverOf returns the http.Server of a service with this Config.
func serverOf(t *testing.T, c sinew.Config) *http.Server {
	t.Helper()
	svc := sinew.New("inventory", servicetest.Local(c))
	var got *http.Server
	servicetest.Read.Handle(svc, func(ctx context.Context, _ rest.None) (rest.None, error) {
		got, _ = ctx.Value(http.ServerContextKey).(*http.Server)
		return rest.None{}, nil
	})
	servicetest.Start(t, svc)
	if status, _, body := servicetest.Get(t, svc.URL()+"/look"); status != http.StatusNoContent {
		t.Fatal(status, body)
	}
	return got
}

func TestServersHaveTheConfiguredTimeLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		c                         sinew.Config
		header, read, write, idle time.Duration
	}{
		"zero":     {sinew.Config{}, 10 * time.Second, time.Minute, 2 * time.Minute, 2 * time.Minute},
		"own":      {sinew.Config{ReadTimeout: 2 * time.Minute, WriteTimeout: time.Hour, IdleTimeout: time.Second}, 10 * time.Second, 2 * time.Minute, time.Hour, time.Second},
		"short":    {sinew.Config{ReadTimeout: time.Second}, time.Second, time.Second, 2 * time.Minute, 2 * time.Minute},
		"negative": {sinew.Config{ReadTimeout: -1, WriteTimeout: -1, IdleTimeout: -1}, 10 * time.Second, 0, 0, -1},
	} {
		s := serverOf(t, tt.c)
		if s.ReadHeaderTimeout != tt.header || s.ReadTimeout != tt.read || s.WriteTimeout != tt.write || s.IdleTimeout != tt.idle {
			t.Errorf("%s: header %s, read %s, write %s, idle %s", name, s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout)
		}
	}
}

func TestAnIdleConnectionMakesRoomForAnotherCaller(t *testing.T) {
	svc := servicetest.Start(t, sinew.New("inventory", servicetest.Local(sinew.Config{MaxConnections: 1})))
	for range 5 {
		caller := &http.Client{Transport: &http.Transport{}} // reuses its connection
		defer caller.CloseIdleConnections()
		answer, err := caller.Get(svc.URL() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
}

func TestTheZeroConfigLeavesDescriptorsForOthers(t *testing.T) {
	if s := serverOf(t, sinew.Config{}); s.ConnState == nil {
		t.Error("no bound for connections")
	}
	if s := serverOf(t, sinew.Config{MaxConnections: -1}); s.ConnState != nil {
		t.Error("a bound where none was asked for")
	}
}
