package saga

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

// Program returns the definition without its types, for an engine such as package
// saga/temporal. It panics if the definition is wrong, with the saga and the step.
func (d Definition[S]) Program() *flow.Program {
	if headertext.OrEmpty(d.Name) == "" || strings.ContainsAny(d.Name, " '\"") {
		panic(fmt.Sprintf("saga %q: Name must be printable ASCII of 1 to %d bytes, without blanks and quotes", d.Name, headertext.MaxLen))
	}
	program := &flow.Program{Saga: d.Name}
	for i, version := range append([]Definition[S]{d}, d.Earlier...) {
		version.Name = d.Name
		plan := version.plan()
		if i > 0 && program.Plan(plan.Version) != nil {
			panic(fmt.Sprintf("saga %s: Earlier has version %d twice; give each definition its own Version", d.Name, plan.Version))
		}
		program.Plans = append(program.Plans, plan)
	}
	return program
}

// plan returns the plan of this version.
func (d Definition[S]) plan() *flow.Plan {
	if d.Version < 0 {
		panic(fmt.Sprintf("saga %s: Version %d is negative", d.Name, d.Version))
	}
	c := compiler[S]{saga: d.Name}
	c.checkRetry("", d.Retry)
	if len(d.Steps) == 0 {
		panic(fmt.Sprintf("saga %s: it has no Steps", d.Name))
	}
	return flow.NewPlan(d.Name, max(d.Version, 1), c.steps("", d.Steps, d.Retry, false))
}

// compiler makes steps of a plan.
type compiler[S any] struct{ saga string }

func (c compiler[S]) refuse(path, format string, args ...any) {
	panic(fmt.Sprintf("saga %s, step %s: %s", c.saga, path, fmt.Sprintf(format, args...)))
}

func (c compiler[S]) checkRetry(path string, r RetryPolicy) {
	if err := r.Validate(); err != nil {
		c.refuse(path, "Retry: %v", err)
	}
}

func (c compiler[S]) steps(around string, steps []Step[S], retry RetryPolicy, isParallel bool) (all []*flow.Step) {
	names := map[string]bool{}
	for i, s := range steps {
		path := around + s.Name
		switch {
		case s.Name == "":
			c.refuse(fmt.Sprintf("%s%d", around, i+1), "it has no Name")
		case strings.Contains(s.Name, "/"):
			c.refuse(path, "its Name has a slash")
		case names[s.Name]:
			c.refuse(path, "two steps have this Name")
		}
		names[s.Name] = true
		all = append(all, c.step(path, s, retry, isParallel))
	}
	return all
}

func (c compiler[S]) step(path string, s Step[S], retry RetryPolicy, isParallel bool) *flow.Step {
	c.check(path, s, isParallel)
	retry = cmp.Or(s.Retry, retry)
	policy := retry.WithDefaults()
	step := &flow.Step{
		Name: s.Name, Timeout: s.Timeout, Pause: s.Pause, Pivot: s.Pivot,
		Attempts: policy.Attempts, Pauses: backoff.Policy{Min: policy.Backoff, Max: policy.MaxBackoff},
		Steps: c.steps(path+"/", s.Steps, retry, isParallel), Parallel: c.steps(path+"/", s.Parallel, retry, true),
	}
	if s.Do != nil {
		step.Do = erased(s.Do)
	}
	if s.Undo != nil {
		step.Undo = erased(s.Undo)
	}
	if s.Event.apply != nil {
		step.CheckEvent = func(event json.RawMessage) error { return s.Event.check(event) }
		step.Event = func(ctx context.Context, state, event json.RawMessage) (json.RawMessage, error) {
			return erased(func(ctx context.Context, state S) (S, error) { return s.Event.apply(ctx, state, event) })(ctx, state)
		}
	}
	return step
}

// check panics if a step is wrong.
func (c compiler[S]) check(path string, s Step[S], isParallel bool) {
	c.checkRetry(path, s.Retry)
	isLeaf := s.Do != nil || s.Event.apply != nil || s.Pause != 0
	switch {
	case s.Pause < 0 || s.Timeout < 0:
		c.refuse(path, "Pause %s or Timeout %s is negative", s.Pause, s.Timeout)
	case len(s.Steps) > 0 && len(s.Parallel) > 0:
		c.refuse(path, "it has both Steps and Parallel")
	case len(s.Steps)+len(s.Parallel) > 0 && (isLeaf || s.Undo != nil || s.Timeout != 0):
		c.refuse(path, "a step with Steps or Parallel has neither Do, Undo, Event, Timeout nor Pause; give them to the steps inside")
	case len(s.Steps)+len(s.Parallel) == 0 && !isLeaf:
		c.refuse(path, "Do is nil, and it has neither Event, Pause, Steps nor Parallel")
	case s.Pivot && isParallel:
		c.refuse(path, "a Pivot cannot be in Parallel, where other branches may still fail")
	}
}

// erased returns an endpoint that works on JSON.
func erased[S any](e endpoint.Endpoint[S, S]) func(ctx context.Context, state json.RawMessage) (json.RawMessage, error) {
	return func(ctx context.Context, text json.RawMessage) (json.RawMessage, error) {
		var state S
		if err := json.Unmarshal(text, &state); err != nil {
			return nil, fault.DataLoss.Errorf("the state cannot be read as %T: %w", state, err)
		}
		state, err := e(ctx, state)
		if err != nil {
			return nil, err
		}
		return marshal(state)
	}
}

// marshal returns the state as JSON.
func marshal(state any) (json.RawMessage, error) {
	text, err := json.Marshal(state)
	if err != nil {
		return nil, fault.InvalidArgument.Errorf("the state %T cannot be written as JSON: %w", state, err)
	}
	return text, nil
}
