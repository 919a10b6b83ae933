package saga

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga/internal/flow"
	"github.com/sinew-go/sinew/saga/internal/report"
)

// maxClaims is how many runs are claimed at once.
const maxClaims = 16

// engine works on the runs of a saga, whatever its type.
type engine struct {
	program *flow.Program
	store   Store
	policy  Policy
	wake    chan struct{} // has room for one
	changes changes
	metrics report.Metrics

	mu     sync.Mutex
	drives map[string]*drive // the runs that this process works on
}

func newEngine(program *flow.Program, s Store) *engine {
	return &engine{
		program: program, store: s, policy: Policy{}.WithDefaults(), wake: make(chan struct{}, 1),
		changes: changes{watched: map[string]map[chan struct{}]bool{}}, metrics: report.NewMetrics(program.Saga), drives: map[string]*drive{},
	}
}

// Wake makes Run look for runs now. Call it after the commit of a transaction in which a run
// starts. It never blocks.
func (e *engine) Wake() {
	select {
	case e.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Run implements [Runner].
func (e *engine) Run(ctx context.Context) {
	var driving sync.WaitGroup
	defer driving.Wait()
	places := make(chan struct{}, e.policy.Concurrency)
	for ctx.Err() == nil {
		free := min(cap(places)-len(places), maxClaims)
		claims := e.claim(ctx, free)
		for _, c := range claims {
			places <- struct{}{}
			driving.Go(func() {
				e.work(ctx, c)
				wasFull := len(places) == cap(places)
				if <-places; wasFull {
					e.Wake()
				}
			})
		}
		if len(claims) < free || free == 0 {
			e.rest(ctx)
		}
	}
}

func (e *engine) claim(ctx context.Context, limit int) []Claim {
	if limit == 0 {
		return nil
	}
	claims, err := e.store.Claim(ctx, e.program.Saga, e.program.Versions(), e.policy.Lease, limit)
	if err != nil && ctx.Err() == nil {
		e.policy.Logger.WarnContext(ctx, "runs of a saga wait: they cannot be claimed", "saga", e.program.Saga, "error", err)
	}
	return claims
}

// rest waits for Wake, for Policy.Poll, or for the end of ctx.
func (e *engine) rest(ctx context.Context) {
	timer := time.NewTimer(e.policy.Poll)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.wake:
	case <-ctx.Done():
	}
}

// wakeAt wakes Run at the time when a run is due, unless Run polls before that.
func (e *engine) wakeAt(in time.Duration) {
	if in < e.policy.Poll {
		time.AfterFunc(max(in, 0), e.Wake)
	}
}

// poke makes whoever works on the run read its messages.
func (e *engine) poke(id string) {
	e.mu.Lock()
	d := e.drives[id]
	e.mu.Unlock()
	if d == nil {
		e.Wake()
		return
	}
	select {
	case d.poked <- struct{}{}:
	default:
	}
}

// decode reads a run.
func (e *engine) decode(r *Record) (*flow.Run, error) {
	var run flow.Run
	if err := json.Unmarshal(r.Data, &run); err != nil {
		return nil, fault.DataLoss.Errorf("saga %s, run %s: what is stored cannot be read: %w", e.program.Saga, r.ID, err)
	}
	run.Started = r.Started
	return &run, nil
}

// failure returns an error of the store with the name of the saga, and of the run.
func (e *engine) failure(id string, err error) error {
	code := fault.CodeOf(err)
	if code == fault.Unknown {
		code = fault.Unavailable
	}
	if id != "" {
		return code.Errorf("saga %s, run %s: %w", e.program.Saga, id, err)
	}
	return code.Errorf("saga %s: %w", e.program.Saga, err)
}
