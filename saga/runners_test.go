package saga_test

import (
	"log/slog"
	"testing"

	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/sagatest"
)

// silent is a policy that logs nothing.
var silent = saga.Policy{Logger: slog.New(slog.DiscardHandler)}

func TestInMemory(t *testing.T) {
	sagatest.Run(t, sagatest.Features{}, func(*testing.T) sagatest.Open {
		store := saga.NewMemory()
		return func(d saga.Definition[sagatest.State]) saga.Runner[sagatest.State] {
			return saga.New(d, store).With(silent)
		}
	})
}

func TestMemoryIsAStore(t *testing.T) {
	sagatest.RunStore(t, sagatest.Features{}, func(*testing.T) func() saga.Store {
		store := saga.NewMemory()
		return func() saga.Store { return store }
	})
}
