package simtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Run runs the world in virtual time, inside a testing/synctest bubble, and
// returns what became of it. A world that does not validate fails the test at
// once. When the test has failed in the end, a chart of the run is written, and
// the test's log says where.
func Run(t *testing.T, w World) *Result {
	t.Helper()
	if err := w.Validate(); err != nil {
		t.Fatalf("simtest: the world cannot be run: %v", err)
	}
	w = w.withDefaults()
	var result *Result
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t.Context(), w)
		r.play()
		result = r.result()
		r.end()
	})
	if result == nil { // a panic or a Fatal inside of the bubble
		t.FailNow()
	}
	result.attach(t)
	return result
}

// run is one run of a world.
type run struct {
	World
	ctx      context.Context
	began    time.Time
	names    *names
	services map[string]*service
	loads    []*load
	seen     *record
	busy     sync.WaitGroup // everything that happens but for the instances' own work

	mu       sync.Mutex
	byAddr   map[string]*Instance
	born     int // processes so far
	networks *rand.Rand
}

func newRun(ctx context.Context, w World) *run {
	r := &run{
		World: w, ctx: ctx, began: time.Now(), names: newNames(),
		services: map[string]*service{}, byAddr: map[string]*Instance{}, seen: newRecord(w),
		networks: random(w.Seed, "network"),
	}
	for _, s := range w.Services {
		r.services[s.Name] = newService(r, s)
	}
	for _, s := range w.Services {
		for range s.Instances {
			r.start(r.services[s.Name])
		}
	}
	for _, c := range w.Clients {
		r.loads = append(r.loads, newLoad(r, c))
	}
	return r
}

// play lets everything happen, until the last call is answered.
func (r *run) play() {
	for _, e := range r.Script {
		r.busy.Go(func() {
			time.Sleep(e.at)
			e.what.begin(r)
		})
	}
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { r.watch(over) })
	for _, l := range r.loads {
		r.busy.Go(l.send)
	}
	r.busy.Wait()
	close(over)
	watching.Wait()
}

// watch samples the states that the chart shows.
func (r *run) watch(over <-chan struct{}) {
	tick := time.NewTicker(sampling)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
			for _, p := range r.processes() {
				r.seen.states(time.Since(r.began), p)
			}
		}
	}
}

// end gives everything back.
func (r *run) end() {
	for _, p := range r.processes() {
		_ = p.Service.Shutdown(context.Background()) // it holds nothing but watches
	}
	for _, s := range r.services {
		for _, i := range s.all() {
			i.working.Wait()
		}
	}
}

func (r *run) processes() (all []*Process) {
	for _, l := range r.loads {
		all = append(all, l.processes...)
	}
	for _, s := range r.World.Services {
		for _, i := range r.services[s.Name].all() {
			all = append(all, i.Process)
		}
	}
	return all
}

// rate changes what a client offers.
func (r *run) rate(client string, rate float64) {
	for _, l := range r.loads {
		if l.Client.Name == client {
			l.rate.Store(rate)
		}
	}
}

// deploy replaces the instances that a service has now.
func (r *run) deploy(name string, pause time.Duration) {
	s := r.services[name]
	for _, old := range s.all() {
		if !old.alive() {
			continue
		}
		r.start(s)
		old.retire()
		time.Sleep(pause)
	}
}

// transit is how long a message takes.
func (r *run) transit() time.Duration {
	if r.Network == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Network(r.networks)
}

// random is a source of chance of its own for each part of a run.
func random(seed uint64, part string) *rand.Rand {
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(part) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, h)) //nolint:gosec // a simulation must be repeatable
}

func instanceName(service string, n int) string { return fmt.Sprintf("%s-%d", service, n) }
