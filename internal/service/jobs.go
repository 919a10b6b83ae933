package service

import (
	"context"
	"reflect"
	"runtime"
	"sync"
)

// Jobs are the background jobs of a service.
type Jobs struct {
	state *RunState

	ctx    context.Context // of every job
	cancel context.CancelFunc
	tasks  TaskGroup

	mu      sync.Mutex
	waiting []func(context.Context) // added before the service was started
	stopped bool
}

// NewJobs returns the jobs of a service that has none.
func NewJobs(state *RunState) *Jobs {
	j := &Jobs{state: state}
	j.ctx, j.cancel = context.WithCancel(context.Background())
	return j
}

// Add adds a job. It waits for Start, or starts at once if the service has been started. It
// starts while the service drains, too, but not after Stop: then Add returns false.
func (j *Jobs) Add(job func(ctx context.Context)) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.stopped:
		return false
	case j.state.IsStarted():
		j.start(job)
	default:
		j.waiting = append(j.waiting, job)
	}
	return true
}

// Start starts the jobs that wait, unless the service is stopping.
func (j *Jobs) Start(context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.state.Err(); err != nil {
		return err
	}
	for _, job := range j.waiting {
		j.start(job)
	}
	j.waiting = nil
	return nil
}

func (j *Jobs) start(job func(context.Context)) {
	j.tasks.Start("background job "+FunctionName(job), func() { job(j.ctx) })
}

// Stop ends the context of the jobs and waits for them. It reports whether any ran. Its
// error names those that did not end within ctx.
func (j *Jobs) Stop(ctx context.Context) (ran bool, err error) {
	j.mu.Lock()
	j.stopped = true
	ran = j.tasks.IsBusy()
	j.mu.Unlock()
	j.cancel()
	return ran, j.tasks.Wait(ctx)
}

// FunctionName returns the name of a job's function, as logs and errors have it.
func FunctionName(job func(context.Context)) string {
	return runtime.FuncForPC(reflect.ValueOf(job).Pointer()).Name()
}
