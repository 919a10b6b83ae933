package saga

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/sinew-go/sinew/saga/internal/flow"
	"github.com/sinew-go/sinew/saga/internal/report"
)

// lastSave is how long a worker that stops tries to save what its steps have returned.
const lastSave = 5 * time.Second

// drive is the work on one run, while this process has its claim.
type drive struct {
	*engine
	claim Claim
	run   *flow.Run
	plan  *flow.Plan
	began time.Time // here, at Claim.Now

	alive   context.Context // ends when the lease does
	lose    context.CancelFunc
	expiry  *time.Timer
	results chan flow.Result // has room for those of all steps
	running map[string]context.CancelFunc
	poked   chan struct{} // has room for one
	unread  bool          // there may be messages
	isSaved bool          // the record in the store is that of the run
}

// work works on a run until it waits, has ended, or its claim is lost.
func (e *engine) work(ctx context.Context, c Claim) {
	run, err := e.decode(&c.Record)
	if err != nil {
		e.policy.Logger.ErrorContext(ctx, "a run of a saga cannot be read", "saga", c.Saga, "run", c.ID, "error", err)
		return // it is stuck, and its lease expires again and again
	}
	d := &drive{
		engine: e, claim: c, run: run, plan: e.program.Plan(c.Version), began: time.Now(),
		running: map[string]context.CancelFunc{}, poked: make(chan struct{}, 1), unread: c.Sent > run.Read, isSaved: true,
	}
	d.results = make(chan flow.Result, len(d.plan.Paths()))
	d.alive, d.lose = context.WithCancel(context.WithoutCancel(ctx))
	defer d.lose()
	d.expiry = time.AfterFunc(e.policy.Lease, d.lose)
	defer d.expiry.Stop()
	e.mu.Lock()
	e.drives[c.ID] = d
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		if e.drives[c.ID] == d { // else this process has claimed the run again
			delete(e.drives, c.ID)
		}
		e.mu.Unlock()
		for range d.running { // their contexts have ended
			<-d.results
		}
	}()
	if c.Interrupted {
		d.run.Resume(d.plan, d.now())
	}
	d.loop(ctx)
	for _, stop := range d.running {
		stop()
	}
}

// now returns the time of the store.
func (d *drive) now() time.Time { return d.claim.Now.Add(time.Since(d.began)) }

// loop works until nothing runs, or the worker stops, or has lost the claim.
func (d *drive) loop(ctx context.Context) {
	renew := time.NewTicker(d.policy.Lease / 3)
	defer renew.Stop()
	poll := time.NewTicker(d.policy.Poll)
	defer poll.Stop()
	for ctx.Err() == nil {
		d.read()
		todo := d.run.Next(d.plan, d.now())
		isIdle := len(d.running)+len(todo.Tasks) == 0
		if !d.save(isIdle, todo.Wake) || isIdle {
			return
		}
		d.start(ctx, todo)
		if !d.wait(ctx, todo.Wake, renew.C, poll.C) {
			return
		}
	}
	d.stop()
}

// start calls the tasks, and ends the contexts of what is to stop.
func (d *drive) start(ctx context.Context, todo flow.Todo) {
	for _, task := range todo.Tasks {
		stepping, cancel := context.WithCancel(d.alive)
		unbind := context.AfterFunc(ctx, cancel)
		d.running[task.Path] = func() { unbind(); cancel() }
		header := d.run.Header
		go func() { d.results <- d.plan.Call(stepping, header, task) }()
	}
	for _, path := range todo.Stop {
		d.running[path]()
	}
}

// wait waits until there is something to do. It returns false if the claim is lost.
func (d *drive) wait(ctx context.Context, until time.Time, renew, poll <-chan time.Time) bool {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(until.Sub(d.now()))
		defer timer.Stop()
		due = timer.C
	}
	for {
		select {
		case result := <-d.results:
			d.apply(result)
			return true
		case <-renew:
			d.renew()
		case <-d.poked:
			d.unread = true
			return true
		case <-poll:
			d.unread = true
			return true
		case <-due:
			return true
		case <-d.alive.Done():
			return false
		case <-ctx.Done():
			return true
		}
	}
}

// apply notes the result of a task.
func (d *drive) apply(result flow.Result) {
	path := result.Task.Path
	d.running[path]()
	delete(d.running, path)
	d.run.Apply(d.plan, result, d.now())
	d.isSaved = false
}

// stop ends the contexts of all steps, and saves what they return.
func (d *drive) stop() {
	for _, stop := range d.running {
		stop()
	}
	renew := time.NewTicker(d.policy.Lease / 3)
	defer renew.Stop()
	for len(d.running) > 0 {
		select {
		case result := <-d.results:
			d.apply(result)
		case <-renew.C:
			d.renew()
		case <-d.alive.Done():
			return
		}
	}
	defer time.AfterFunc(lastSave, d.lose).Stop()
	d.save(true, d.now())
}

// read applies the messages that were not read.
func (d *drive) read() {
	if !d.unread {
		return
	}
	messages, err := d.store.Messages(d.alive, d.claim.Saga, d.claim.ID, d.run.Read)
	if err != nil {
		d.warn("the messages of a run cannot be read", err)
		return
	}
	d.unread = false
	for _, m := range messages {
		d.run.Read, d.isSaved = m.N, false
		var g flow.Signal
		if err := json.Unmarshal(m.Data, &g); err != nil {
			d.warn("a message of a run cannot be read", err)
			continue
		}
		d.run.Signal(d.plan, g, d.now())
	}
}

// save saves the run if it has changed, or is to be released, and returns false if it cannot.
// It tries again while the claim lasts.
func (d *drive) save(release bool, due time.Time) bool {
	if d.isSaved && !release && len(d.run.History) == 0 {
		return true
	}
	data, err := json.Marshal(d.run)
	if err != nil {
		d.warn("a run cannot be written as JSON", err)
		return false
	}
	for i := range d.run.History {
		d.run.History[i].Worker = d.policy.Worker
	}
	u := Update{Phase: d.run.Phase(), Data: data, History: d.run.History, Read: d.run.Read, Release: release, Due: due}
	for pause := time.Duration(0); ; {
		err := d.store.Save(d.alive, d.claim, u)
		switch {
		case err == nil:
			d.saved(u)
			return true
		case errors.Is(err, ErrClaimLost) || d.alive.Err() != nil:
			d.lose()
			d.warn("a run is left to another worker", err)
			return false
		}
		d.warn("a run cannot be saved", err)
		pause = savePauses.Next(pause)
		select {
		case <-time.After(pause):
		case <-d.alive.Done():
		}
	}
}

// saved reports what was saved.
func (d *drive) saved(u Update) {
	for _, e := range u.History {
		d.metrics.Count(e)
		report.Log(d.alive, d.policy.Logger, d.claim.Saga, d.claim.ID, e)
	}
	d.run.History, d.isSaved = nil, true
	if u.Release && !isEnd(u.Phase) && !u.Due.IsZero() {
		d.wakeAt(u.Due.Sub(d.now()))
	}
	d.changes.notify(d.claim.ID, isEnd(u.Phase))
}

// renew renews the lease.
func (d *drive) renew() {
	began := time.Now()
	ctx, cancel := context.WithTimeout(d.alive, d.policy.Lease/3)
	defer cancel()
	err := d.store.Renew(ctx, d.claim, d.policy.Lease)
	switch {
	case err == nil:
		d.expiry.Reset(d.policy.Lease - time.Since(began))
	case errors.Is(err, ErrClaimLost):
		d.lose()
	default: // the lease ends by itself if this goes on
		d.warn("the lease of a run cannot be renewed", err)
	}
}
