package flow

import (
	"context"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/eventtrace"
)

// maxID is the length of the longest ID of a run, in bytes.
const maxID = 200

// CheckID refuses an ID that no run can have.
func (p *Program) CheckID(id string) error {
	if id == "" || len(id) > maxID || strings.ToValidUTF8(id, "") != id || strings.ContainsRune(id, 0) {
		return fault.InvalidArgument.Errorf("saga %s: the ID %.40q of a run must have 1 to %d bytes of text", p.Saga, id, maxID)
	}
	return nil
}

// NotFound is the error for a run that does not exist.
func (p *Program) NotFound(id string) error {
	return fault.NotFound.Errorf("saga %s has no run %.40q", p.Saga, id)
}

// NewHeader returns the header of a run that starts in ctx.
func (p *Program) NewHeader(ctx context.Context, id string) Header {
	h := Header{Saga: p.Saga, ID: id, Version: p.Current().Version, Trace: eventtrace.Inject(ctx, eventbus.Event{}).Extensions}
	if r := call.Of(ctx); r != nil {
		h.RequestID = r.RequestID
	}
	return h
}

// CheckSteps refuses steps that the run does not have.
func (p *Program) CheckSteps(r *Run, paths []string) error {
	plan := p.Plan(r.Version)
	for _, path := range paths {
		if plan != nil && plan.Step(path) == nil {
			return fault.InvalidArgument.Errorf("saga %s version %d has no step %q; it has %s", p.Saga, r.Version, path, strings.Join(plan.Paths(), ", "))
		}
	}
	return nil
}

// AreDone reports whether the steps are done.
func (r *Run) AreDone(paths []string) bool {
	return !slices.ContainsFunc(paths, func(path string) bool { return r.Nodes[path] == nil || !r.Nodes[path].Done })
}

// CheckSignal refuses a signal that cannot have an effect, as far as that is known before it
// is applied. isVoid says that there is no need to send it.
func (p *Program) CheckSignal(r *Run, g Signal) (isVoid bool, err error) {
	plan := p.Plan(r.Version)
	if g.Kind == DeliverEvent || g.Kind == SkipStep {
		if err := p.CheckSteps(r, []string{g.Step}); err != nil {
			return false, err
		}
	}
	refuse := func(why string) error {
		return fault.FailedPrecondition.Errorf("saga %s, run %s: %s: %s", p.Saga, r.ID, g.Kind, why)
	}
	switch {
	case g.Kind == DeliverEvent && plan != nil:
		return p.checkEvent(r, plan.Step(g.Step), g)
	case g.Kind == DeliverEvent:
		return r.Ended, nil
	case r.Ended:
		return false, refuse("the run has ended")
	case g.Kind == CancelRun && r.Committed:
		return false, refuse("a pivot is done, so that there is no way back")
	case g.Kind == SkipStep && !r.Back && r.AreDone([]string{g.Step}):
		return false, refuse("step " + g.Step + " is done")
	}
	return false, nil
}

func (p *Program) checkEvent(r *Run, s *Step, g Signal) (isVoid bool, err error) {
	if s.Event == nil {
		return false, fault.InvalidArgument.Errorf("saga %s: step %s waits for no event", p.Saga, s.Path)
	}
	if err := s.CheckEvent(g.Event); err != nil {
		return false, fault.InvalidArgument.Errorf("saga %s, run %s, step %s: %w", p.Saga, r.ID, s.Path, err)
	}
	n := r.Nodes[s.Path]
	return r.Ended || n != nil && (n.Event != nil || n.Done), nil
}
