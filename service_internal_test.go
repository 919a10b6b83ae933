package sinew

import (
	"log/slog"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/registry"
)

func TestShutdownWaitsTheDrainDelayOnlyIfCallersMayExist(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		called int // before, and then at every 50 ms
		want   time.Duration
	}{
		"nobody was told the address":              {Config{Addr: "127.0.0.1:0"}, 0, 0},
		"somebody was, and calls no more":          {Config{Addr: ":0"}, 1, 100 * time.Millisecond},
		"somebody was, and calls for a while":      {Config{Addr: ":0"}, 6, 400 * time.Millisecond},
		"somebody was, and does not heed the news": {Config{Addr: ":0"}, 1000, time.Second},
		"the address is fixed":                     {Config{Addr: ":8080"}, 0, time.Second},
		"the address is that of the zero Config":   {Config{}, 0, time.Second},
		"it is advertised":                         {Config{Addr: ":0", Advertise: "host:80"}, 0, time.Second},
		"it is in a registry of this process":      {Config{Addr: ":0", Registry: registry.NewMemory()}, 0, 100 * time.Millisecond},
		"the delay was asked for":                  {Config{Addr: ":0", DrainDelay: time.Minute}, 0, time.Minute},
		"none was asked for":                       {Config{DrainDelay: -1}, 9, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			c.config.Logger = slog.New(slog.DiscardHandler)
			s := New("inventory", c.config)
			call := func() {
				s.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/healthz", nil))
			}
			if c.called > 0 {
				call()
			}
			begun := time.Now()
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range c.called - 1 {
					bubble.Sleep(50 * time.Millisecond)
					call()
				}
			}()
			s.drainDelay.Wait(t.Context())
			if took := time.Since(begun); took != c.want {
				t.Errorf("%s: %s, want %s", name, took, c.want)
			}
			<-done
			_ = s.Shutdown(t.Context())
		})
	}
}

func TestAServiceStartsAndStopsItsPartsInThisOrder(t *testing.T) {
	s := New("inventory", Config{Logger: slog.New(slog.DiscardHandler)})
	defer func() { _ = s.Shutdown(t.Context()) }()
	var started, stopped []string
	for _, stage := range s.stages() {
		if stage.start != nil {
			started = append(started, stage.name)
		}
		if stage.stop != nil {
			stopped = append([]string{stage.name}, stopped...)
		}
	}
	if want := []string{"requests", "events", "jobs", "registration"}; !slices.Equal(started, want) {
		t.Errorf("it starts %q, want %q", started, want)
	}
	want := []string{"registration", "drain delay", "requests", "events", "jobs and checks", "watches", "connections"}
	if !slices.Equal(stopped, want) {
		t.Errorf("it stops %q, want %q", stopped, want)
	}
}
