package flow

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"github.com/sinew-go/sinew/internal/backoff"
)

// Plan is a definition of a saga without its types.
type Plan struct {
	Saga    string
	Version int
	Steps   []*Step
	// Logger logs panics of steps. Nil is slog.Default().
	Logger *slog.Logger

	byPath map[string]*Step
	leaves []*Step
}

// Step is a step of a plan: a leaf, with Do, Event or Pause; a sequence, with Steps; or
// branches, with Parallel.
type Step struct {
	Name string
	// Path is the name, behind those of the steps around it: "ship/label". NewPlan sets it.
	Path           string
	Do, Undo       func(ctx context.Context, state json.RawMessage) (json.RawMessage, error)
	Event          func(ctx context.Context, state, event json.RawMessage) (json.RawMessage, error)
	CheckEvent     func(event json.RawMessage) error
	Timeout, Pause time.Duration
	Pivot          bool
	Attempts       int
	Pauses         backoff.Policy // between attempts
	Steps          []*Step
	Parallel       []*Step

	parent *Step
}

// NewPlan returns the plan of a version of a saga. It sets the paths of the steps.
func NewPlan(saga string, version int, steps []*Step) *Plan {
	p := &Plan{Saga: saga, Version: version, Steps: steps, byPath: map[string]*Step{}}
	p.index(nil, steps)
	return p
}

func (p *Plan) index(parent *Step, steps []*Step) {
	for _, s := range steps {
		s.parent, s.Path = parent, s.Name
		if parent != nil {
			s.Path = parent.Path + "/" + s.Name
		}
		p.byPath[s.Path] = s
		if s.IsLeaf() {
			p.leaves = append(p.leaves, s)
		}
		p.index(s, s.Steps)
		p.index(s, s.Parallel)
	}
}

// Step returns the step with this path, nil if there is none.
func (p *Plan) Step(path string) *Step { return p.byPath[path] }

// Paths returns the paths of all steps, those of a step within another one after it.
func (p *Plan) Paths() (all []string) {
	var add func(steps []*Step)
	add = func(steps []*Step) {
		for _, s := range steps {
			all = append(all, s.Path)
			add(s.Steps)
			add(s.Parallel)
		}
	}
	add(p.Steps)
	return all
}

// IsLeaf reports whether the step has no steps inside.
func (s *Step) IsLeaf() bool { return len(s.Steps) == 0 && len(s.Parallel) == 0 }

// isWithin reports whether the step is the one with this path, or inside of it.
func (s *Step) isWithin(path string) bool {
	return s.Path == path || strings.HasPrefix(s.Path, path+"/")
}

// branch returns the innermost branch of parallel ones that has the step, of those for
// which counts returns true; nil if there is none.
func (s *Step) branch(counts func(around *Step) bool) *Step {
	for ; s != nil && s.parent != nil; s = s.parent {
		if len(s.parent.Parallel) > 0 && counts(s.parent) {
			return s
		}
	}
	return nil
}
