package simtest

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/eventbus"
)

// Run runs the world in virtual time, inside a testing/synctest bubble, and returns the
// result. A world that does not validate fails the test at once. If the test fails, a
// chart of the run is written, and the test's log has its path.
func Run(t *testing.T, w World) *Result {
	t.Helper()
	if err := w.Validate(); err != nil {
		t.Fatalf("simtest: the world cannot be run: %v", err)
	}
	w = w.withDefaults()
	var result *Result
	synctest.Test(t, func(*testing.T) {
		r := newRun(t, w) // the outer test: if it fails, the run still ends in order
		r.play()
		r.shutDown()
		result = r.result()
	})
	if result == nil { // a panic or a Fatal inside the bubble
		t.FailNow()
	}
	result.saveChart(t)
	return result
}

// run is one run of a world.
type run struct {
	World
	t         *testing.T
	startedAt time.Time
	registry  *worldRegistry
	bus       *eventbus.Memory
	services  map[string]*service
	loads     []*load
	record    *record
	byAddr    sync.Map       // address → *Instance
	tasks     sync.WaitGroup // everything except the instances' own work
	pool      goroutinePool  // makes and answers calls
	panicked  sync.Once      // only the first panic is reported
}

func newRun(t *testing.T, w World) *run {
	r := &run{
		World: w, t: t, startedAt: time.Now(), registry: newWorldRegistry(), bus: eventbus.NewMemory(w.Bus),
		services: map[string]*service{}, record: newRecord(w),
	}
	for _, s := range w.Services {
		r.services[s.Name] = newService(r, s)
	}
	for _, s := range w.Services {
		for range s.Instances {
			r.startInstance(r.services[s.Name]).register()
		}
	}
	for _, c := range w.Clients {
		r.loads = append(r.loads, newLoad(r, c))
	}
	return r
}

// play runs clients and script until the last call is answered.
func (r *run) play() {
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { r.sampleStates(done) })
	r.tasks.Go(r.runScript)
	for _, l := range r.loads {
		r.tasks.Go(l.send)
	}
	r.tasks.Wait()
	r.drainBus()
	close(done)
	watching.Wait()
}

// runScript applies the events of the script.
func (r *run) runScript() {
	for _, e := range r.inOrder() {
		time.Sleep(e.at - r.now())
		e.what.apply(r)
	}
}

// drainBus waits until the published events are handled.
func (r *run) drainBus() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := r.bus.Close(ctx); err != nil {
		r.t.Logf("simtest: %v", err)
	}
}

// sampleStates samples the states for the chart. It avoids round moments, at which
// scripts apply their events.
func (r *run) sampleStates(over <-chan struct{}) {
	next := sampleInterval/2 + r.jitter(0, time.Millisecond)
	for tick := time.NewTimer(next); ; tick.Reset(sampleInterval) {
		select {
		case <-over:
			tick.Stop()
			return
		case <-tick.C:
			for _, p := range r.liveProcesses() {
				r.record.sampleBreakers(r.now(), p)
			}
		}
	}
}

// shutDown releases all resources.
func (r *run) shutDown() {
	r.pool.close()
	for _, p := range r.processes(func(*Instance) bool { return true }) {
		_ = p.Service.Shutdown(context.Background()) // it has only watches
	}
}

// liveProcesses returns the processes of clients and of instances that are up.
func (r *run) liveProcesses() []*Process {
	return r.processes(func(i *Instance) bool {
		i.mu.Lock()
		defer i.mu.Unlock()
		return i.condition.up
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

// instanceAt returns the instance at an address, or nil.
func (r *run) instanceAt(addr string) *Instance {
	i, _ := r.byAddr.Load(addr)
	found, _ := i.(*Instance)
	return found
}

// now is the time since the start of the run.
func (r *run) now() time.Duration { return time.Since(r.startedAt) }

// isOver reports whether clients have stopped sending.
func (r *run) isOver() bool { return r.now() >= r.For }
