package simtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/change"
	"github.com/sinew-go/sinew/internal/deadline"
)

// load is a client in a run.
type load struct {
	Client
	run       *run
	processes []*Process
	call      []endpoint.Func // by process
	random    *rand.Rand
	sent      int

	mu      sync.Mutex
	rate    float64
	changed change.Signal // rate has changed
}

func newLoad(r *run, c Client) *load {
	l := &load{Client: c, run: r, random: random(r.Seed, "client "+c.Name), rate: c.Rate}
	for n := range c.Processes {
		p := r.process(c.Name, fmt.Sprintf("%s-%d", c.Name, n), c.Config)
		call := func(ctx context.Context, op any) (any, error) {
			return nil, p.Call(ctx, c.Calls, call.Operation{Name: op.(string), Safe: !c.Unsafe}) //nolint:forcetypeassert // make gives it
		}
		if c.Middleware != nil {
			call = endpoint.Chain(c.Middleware()...)(call)
		}
		l.processes = append(l.processes, p)
		l.call = append(l.call, call)
	}
	return l
}

// setRate changes the rate.
func (l *load) setRate(rate float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate = rate
	l.changed.Notify()
}

func (l *load) currentRate() (rate float64, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rate, l.changed.Next()
}

// send makes the client's calls until the run ends.
func (l *load) send() {
	if l.Users > 0 {
		for user := range l.Users {
			chance := random(l.run.Seed, fmt.Sprintf("client %s user %d", l.Name, user))
			l.run.tasks.Go(func() { l.runUser(user, chance) })
		}
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for l.waitNext(timer) {
		n, process := l.sent, l.random.IntN(len(l.call))
		l.sent++
		l.run.tasks.Add(1)
		l.run.pool.run(func() {
			defer l.run.tasks.Done()
			l.makeCall(n, process)
		})
	}
}

// waitNext waits for the next arrival. It is false when the run ends. Arrivals are
// memoryless, so the wait starts again at a new rate.
func (l *load) waitNext(timer *time.Timer) bool {
	for !l.run.isOver() {
		rate, changed := l.currentRate()
		left := l.run.For - l.run.now()
		wait := left
		if rate > 0 {
			wait = time.Duration(min(l.random.ExpFloat64()/rate*float64(time.Second), float64(left)))
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
			return !l.run.isOver()
		case <-changed:
			timer.Stop()
		}
	}
	return false
}

// runUser is one user of a closed loop. Users start at different moments.
func (l *load) runUser(user int, chance *rand.Rand) {
	time.Sleep(time.Duration(chance.Float64() * float64(time.Millisecond)))
	for n := user; !l.run.isOver(); n += l.Users {
		if l.Think != nil {
			time.Sleep(l.Think(chance))
			if l.run.isOver() {
				return
			}
		}
		before := l.run.now()
		l.makeCall(n, user%len(l.call))
		if l.run.now() == before {
			time.Sleep(refusalDelay) // a refusal that takes no time must not stop the clock
		}
	}
}

// makeCall makes the n-th call.
func (l *load) makeCall(n, process int) {
	ctx := context.Background()
	start := time.Now()
	if l.HashKey != nil {
		ctx = call.With(ctx, call.Record{HashKey: l.HashKey(n)})
	}
	if l.Deadline > 0 {
		limited := deadline.With(ctx, start.Add(l.Deadline))
		defer limited.Stop()
		ctx = limited
	}
	op := "call"
	if l.Operation != nil {
		op = l.Operation(n)
	}
	_, err := l.call[process](ctx, op)
	latency := time.Since(start)
	if trail, failed := errors.AsType[*call.Trail](err); failed {
		err = trail.Err // one error for all calls that failed in the same way
	}
	l.run.record.request(start.Sub(l.run.startedAt), latency, err == nil && (l.Deadline == 0 || latency <= l.Deadline+grace), err)
}

// grace is how late an answer may be and still count as good.
const grace = 5 * time.Millisecond
