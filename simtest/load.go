package simtest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/deadline"
)

// load is a client of a run.
type load struct {
	Client
	run       *run
	processes []*Process
	call      []kitendpoint.Endpoint // by process
	rate      rate
	random    *rand.Rand
	sent      int
}

// rate is calls per second, which the script changes.
type rate struct{ bits atomic.Uint64 }

// Load is the rate now.
func (r *rate) Load() float64 { return math.Float64frombits(r.bits.Load()) }

// Store changes it.
func (r *rate) Store(v float64) { r.bits.Store(math.Float64bits(v)) }

func newLoad(r *run, c Client) *load {
	l := &load{Client: c, run: r, random: random(r.Seed, "client "+c.Name)}
	l.rate.Store(c.Rate)
	op := endpoint.Operation{Name: "call", Safe: !c.Unsafe}
	for n := range c.Processes {
		p := r.process(c.Name, fmt.Sprintf("%s-%d", c.Name, n), c.Config)
		call := func(ctx context.Context, _ any) (any, error) { return nil, p.Call(ctx, c.Calls, op) }
		if c.Use != nil {
			call = endpoint.Chain(c.Use()...)(call)
		}
		l.processes = append(l.processes, p)
		l.call = append(l.call, call)
	}
	return l
}

// send makes the client's calls until the run is over.
func (l *load) send() {
	if l.Users > 0 {
		for n := range l.Users {
			chance := random(l.run.Seed, fmt.Sprintf("client %s user %d", l.Name, n))
			l.run.busy.Go(func() { l.use(n%len(l.call), chance) })
		}
		return
	}
	for {
		rate := l.rate.Load()
		if rate == 0 {
			rate = 10 // looks again
		}
		time.Sleep(time.Duration(l.random.ExpFloat64() / rate * float64(time.Second)))
		if l.run.over() {
			return
		}
		if l.rate.Load() == 0 {
			continue
		}
		n, process := l.sent, l.random.IntN(len(l.call))
		l.sent++
		l.run.busy.Go(func() { l.make(n, process) })
	}
}

// use is one user in a closed loop.
func (l *load) use(process int, chance *rand.Rand) {
	for n := process; !l.run.over(); n += l.Users {
		if l.Think != nil {
			time.Sleep(l.Think(chance))
		}
		before := l.run.now()
		l.make(n, process)
		if l.run.now() == before {
			time.Sleep(refusal) // a refusal that takes no time must not stop the clock
		}
	}
}

// make makes the n-th call.
func (l *load) make(n, process int) {
	ctx := context.Background()
	start := time.Now()
	if l.HashKey != nil {
		ctx, _ = endpoint.WithCall(ctx, endpoint.Call{HashKey: l.HashKey(n)})
	}
	if l.Deadline > 0 {
		limited := deadline.With(ctx, start.Add(l.Deadline))
		defer limited.Stop()
		ctx = limited
	}
	_, err := l.call[process](ctx, nil)
	took := time.Since(start)
	l.run.seen.request(start.Sub(l.run.began), took, err == nil && (l.Deadline == 0 || took <= l.Deadline+grace), err)
}

// grace is by how much an answer may be late and still be good.
const grace = 5 * time.Millisecond
