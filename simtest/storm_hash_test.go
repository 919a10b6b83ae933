package simtest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/simtest"
)

// hashed is a world of fifty instances, chosen by the key of each call.
func hashed(rate float64, key func(n int) string, do func(ctx context.Context, i *simtest.Instance) error) simtest.World {
	var byKey sinew.ClientPolicy
	byKey.Balance.Algorithm = loadbalance.ConsistentHash
	return simtest.World{
		For: sec(60), Expiry: sec(1),
		Services: []simtest.Service{{Name: "stock", Instances: 50, Workers: 4, Do: do}},
		Clients: []simtest.Client{{
			Name: "web", Calls: "stock", Rate: rate, Deadline: callerDeadline, HashKey: key, Middleware: keyTravels,
			Config: sinew.Config{Clients: map[string]sinew.ClientPolicy{"stock": byKey}},
		}},
	}
}

// keyTravels uses the key of a call also as its request ID.
func keyTravels() []endpoint.Middleware {
	return []endpoint.Middleware{func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			r := call.Of(ctx)
			r.RequestID = r.HashKey
			return next(ctx, request)
		}
	}}
}

// A process limits the load that it sees itself, and with fewer than about 150 calls per
// second it sees too little. So twenty processes exceed the limit more than one does.
func TestStormPopularKeysOverloadNobody(t *testing.T) {
	chance := rand.NewZipf(rand.New(rand.NewPCG(1, 1)), 1.1, 1, 9999)
	keys := make([]string, 100_000)
	for n := range keys {
		keys[n] = fmt.Sprint("key-", chance.Uint64())
	}
	rates := map[int]float64{1: 2000, 20: 6000}
	for _, processes := range processCounts() {
		rate := rates[processes]
		for _, seed := range seeds(t) {
			t.Run(fmt.Sprintf("%d_processes/seed_%d", processes, seed), func(t *testing.T) {
				t.Parallel()
				w := hashed(rate, func(n int) string { return keys[n%len(keys)] }, func(ctx context.Context, i *simtest.Instance) error { return i.Work(ctx, work) })
				w.For = sec(20)
				outage{"popular keys", w, func(t *testing.T, r *simtest.Result, _ int) {
					most := 0.0
					for n := range 50 {
						most = max(most, 50*r.Share("stock", n, sec(10), sec(20)))
					}
					atMost(t, "most that one has, in fair shares", most, 1.25)
					atMost(t, "failed", r.Failed(), 0)
				}}.runOnce(t, processes, seed)
			})
		}
	}
}

// workplaces counts which instance works on which key, before one moment and after
// another.
type workplaces struct {
	until, from time.Duration

	mu    sync.Mutex
	calls [2]map[string]map[int]int // by window, key and instance
}

// work is the Do of an instance. A bubble of testing/synctest starts at midnight UTC
// 2000-01-01, and so does a run.
func (p *workplaces) work(ctx context.Context, i *simtest.Instance) error {
	switch now := time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); {
	case now < p.until:
		p.note(0, call.Of(ctx).RequestID, i.Number())
	case now > p.from:
		p.note(1, call.Of(ctx).RequestID, i.Number())
	}
	return i.Work(ctx, work)
}

func (p *workplaces) note(window int, key string, instance int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls[window] == nil {
		p.calls[window] = map[string]map[int]int{}
	}
	of := p.calls[window][key]
	if of == nil {
		of = map[int]int{}
		p.calls[window][key] = of
	}
	of[instance]++
}

// most returns the instance that worked on most of the calls of a key.
func (p *workplaces) most(window int, key string) (instance int) {
	most := 0
	for n, calls := range p.calls[window][key] {
		if calls > most || calls == most && n < instance {
			instance, most = n, calls
		}
	}
	return instance
}

// moved is the share of the keys that have another instance in the second window.
func (p *workplaces) moved() float64 {
	moved := 0
	for key := range p.calls[0] {
		if p.most(0, key) != p.most(1, key) {
			moved++
		}
	}
	return float64(moved) / float64(max(len(p.calls[0]), 1))
}

// All keys are equally popular, and the load is too low for an instance to be full. So
// only the keys of the instance that is gone have a reason to move.
func TestStormKeysStayWhereTheyAreWhenAnInstanceIsGone(t *testing.T) {
	const keys, each = 2000, 10
	for _, processes := range processCounts() {
		rate := 40 * float64(processes)
		half := sec(keys * each / rate)
		for _, seed := range seeds(t) {
			t.Run(fmt.Sprintf("%d_processes/seed_%d", processes, seed), func(t *testing.T) {
				t.Parallel()
				p := &workplaces{until: half, from: half + sec(3)}
				w := hashed(rate, func(n int) string { return fmt.Sprint("key-", n%keys) }, p.work)
				w.For, w.Script = 2*half+sec(3), []simtest.Event{simtest.At(half, simtest.Kill("stock", 17))}
				outage{"equal keys", w, func(t *testing.T, r *simtest.Result, _ int) {
					atLeast(t, "share of the keys that moved", p.moved(), 0.01)
					atMost(t, "share of the keys that moved", p.moved(), 1.0/50+0.01)
					atMost(t, "failed", r.Failed(), 0)
				}}.runOnce(t, processes, seed)
			})
		}
	}
}
