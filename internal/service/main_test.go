package service_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/internal/service"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noLog = slog.New(slog.DiscardHandler)

// started returns the state of a service that has been started.
func started(t *testing.T) *service.RunState {
	t.Helper()
	state := service.NewRunState("inventory")
	if err := state.Start(); err != nil {
		t.Fatal(err)
	}
	return state
}

// stopped returns the state of a service that is stopping.
func stopped(t *testing.T) *service.RunState {
	t.Helper()
	state := started(t)
	state.Stop()
	return state
}

// ended returns a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// wantText reports an error that does not contain all texts.
func wantText(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("got no error, want one with %q", texts)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("got the error %q, want one with %q", err, text)
		}
	}
}
