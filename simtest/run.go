package simtest

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/eventbus"
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
	synctest.Test(t, func(*testing.T) {
		r := newRun(t, w) // the outer test: one that fails goes on after the bubble
		r.play()
		r.end()
		result = r.result()
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
	t        *testing.T
	began    time.Time
	names    *names
	bus      *eventbus.Memory
	services map[string]*service
	loads    []*load
	seen     *record
	byAddr   sync.Map       // address → *Instance
	busy     sync.WaitGroup // everything that happens but for the instances' own work
	crew     crew           // who makes and answers calls
	panicked sync.Once      // the first panic is reported
}

func newRun(t *testing.T, w World) *run {
	r := &run{
		World: w, t: t, began: time.Now(), names: newNames(), bus: eventbus.NewMemory(w.Bus),
		services: map[string]*service{}, seen: newRecord(w),
	}
	for _, s := range w.Services {
		r.services[s.Name] = newService(r, s)
	}
	for _, s := range w.Services {
		for range s.Instances {
			r.start(r.services[s.Name]).register()
		}
	}
	for _, c := range w.Clients {
		r.loads = append(r.loads, newLoad(r, c))
	}
	return r
}

// play lets everything happen, until the last call is answered.
func (r *run) play() {
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { r.watch(over) })
	r.busy.Go(r.follow)
	for _, l := range r.loads {
		r.busy.Go(l.send)
	}
	r.busy.Wait()
	r.settle()
	close(over)
	watching.Wait()
}

// follow does what the script says.
func (r *run) follow() {
	for _, e := range r.inOrder() {
		time.Sleep(e.at - r.now())
		e.what.begin(r)
	}
}

// settle has the events that are on their way handled.
func (r *run) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), busPatience)
	defer cancel()
	if err := r.bus.Close(ctx); err != nil {
		r.t.Logf("simtest: %v", err)
	}
}

// watch samples the states that the chart shows, a little beside the moments at
// which a script has things happen.
func (r *run) watch(over <-chan struct{}) {
	next := sampling/2 + r.jitter(0, time.Millisecond)
	for tick := time.NewTimer(next); ; tick.Reset(sampling) {
		select {
		case <-over:
			tick.Stop()
			return
		case <-tick.C:
			for _, p := range r.living() {
				r.seen.states(r.now(), p)
			}
		}
	}
}

// end gives everything back.
func (r *run) end() {
	r.crew.end()
	for _, p := range r.processes(func(*Instance) bool { return true }) {
		_ = p.Service.Shutdown(context.Background()) // it holds nothing but watches
	}
}

// living are the processes that are not killed or gone.
func (r *run) living() []*Process {
	return r.processes(func(i *Instance) bool {
		i.mu.Lock()
		defer i.mu.Unlock()
		return i.now.up
	})
}

func (r *run) processes(which func(i *Instance) bool) (all []*Process) {
	for _, l := range r.loads {
		all = append(all, l.processes...)
	}
	for _, s := range r.World.Services {
		for _, i := range r.services[s.Name].all() {
			if which(i) {
				all = append(all, i.Process)
			}
		}
	}
	return all
}

// at is the instance at an address, or nil.
func (r *run) at(addr string) *Instance {
	i, _ := r.byAddr.Load(addr)
	found, _ := i.(*Instance)
	return found
}

// now is how long the run goes on.
func (r *run) now() time.Duration { return time.Since(r.began) }

// over says that no client sends any more.
func (r *run) over() bool { return r.now() >= r.For }
