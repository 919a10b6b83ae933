package sagatest

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/saga"
)

// mortal is the store of a worker that may be killed. Then nothing that it does arrives.
type mortal struct {
	*saga.Memory
	simulation *simulation
	dead       atomic.Bool
}

// Claim implements saga.Store.
func (m *mortal) Claim(ctx context.Context, name string, versions []int, lease time.Duration, limit int) ([]saga.Claim, error) {
	if m.dead.Load() {
		return nil, saga.ErrClaimLost
	}
	return m.Memory.Claim(ctx, name, versions, lease, limit)
}

// Renew implements saga.Store.
func (m *mortal) Renew(ctx context.Context, c saga.Claim, lease time.Duration) error {
	if m.dead.Load() {
		return saga.ErrClaimLost
	}
	return m.Memory.Renew(ctx, c, lease)
}

// Save implements saga.Store.
func (m *mortal) Save(ctx context.Context, c saga.Claim, u saga.Update) error {
	if m.dead.Load() {
		return saga.ErrClaimLost
	}
	a, goesWrong := m.simulation.pass(saving, sentenceOf(u))
	if goesWrong && a == killBefore {
		m.simulation.killNow()
		return saga.ErrClaimLost
	}
	err := m.Memory.Save(ctx, c, u)
	if goesWrong {
		m.simulation.killNow()
		return saga.ErrClaimLost
	}
	return err
}
