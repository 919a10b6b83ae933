package sagatest

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/saga"
)

// World is a saga with all that its steps have an effect on.
type World[S any] struct {
	// Definition is the saga, and State the state with which its run starts.
	Definition saga.Definition[S]
	State      S
	// Events are what is delivered to the run, by step.
	Events map[string]any
	// Check returns an error if the effects do not agree with the end of the run: what must
	// be there if it is done, and what must not if it is undone.
	Check func(end saga.Run[S]) error
	// Pairs is how many pairs of faults are tried, after all single ones, and Random how many
	// further sequences. The defaults are 300 and 100.
	Pairs, Random int
}

// CheckCrashes finds out whether a saga ends well whatever happens. It runs the saga in
// virtual time, again and again, each time in a new world. It kills the worker before and
// after each save, before each step has its effect, and after it; steps fail, are refused,
// lose their answers, and operators cancel the run. Another worker goes on each time. In the
// end the run must be done or undone, and Check must agree.
//
// It tries each fault alone, then pairs, then random sequences. The first sequence that ends
// badly is shortened as far as possible, and fails the test as a sentence. A step that
// is not idempotent is found, and an Undo that does not accept that nothing was done.
func CheckCrashes[S any](t *testing.T, world func() World[S]) {
	t.Helper()
	c := crashes[S]{world: world, run: func(s scenario) outcome { return simulate(t, world(), s) }}
	if found := c.search(); found != nil {
		t.Errorf("saga %s ends badly: %s", world().Definition.Name, found)
		return
	}
	t.Logf("saga %s ends well after %d sequences of faults", world().Definition.Name, c.tried)
}

// scenario is what goes wrong, and where.
type scenario map[point]action

// outcome is how a scenario ended.
type outcome struct {
	points []point // that were passed, each once
	err    error
}

// finding is the shortest scenario found that ends badly.
type finding struct {
	scenario scenario
	points   []point // in the order in which they were passed
	err      error
}

// String says what happened, in the order in which it did.
func (f *finding) String() string {
	var all []string
	for _, p := range f.points {
		if a, ok := f.scenario[p]; ok {
			all = append(all, a.sentence(p))
		}
	}
	if len(all) == 0 {
		return "nothing went wrong, and " + f.err.Error()
	}
	return strings.Join(all, "; then ") + ": " + f.err.Error()
}

// crashes is one search.
type crashes[S any] struct {
	world func() World[S]
	run   func(scenario) outcome
	tried int
}

// search returns the first finding, nil if there is none.
func (c *crashes[S]) search() *finding {
	w := c.world()
	calm := c.try(scenario{})
	if calm.err != nil {
		return &finding{scenario{}, calm.points, calm.err}
	}
	singles, found := c.further(scenario{}, calm.points)
	if found != nil {
		return found
	}
	if found := c.pairs(singles, cmp.Or(w.Pairs, 300)); found != nil {
		return found
	}
	return c.random(calm.points, cmp.Or(w.Random, 100))
}

// try runs a scenario.
func (c *crashes[S]) try(s scenario) outcome {
	c.tried++
	return c.run(s)
}

// triedScenario is a scenario that has ended well, and the points that it passed.
type triedScenario struct {
	scenario
	points []point
}

// further tries the scenario with each further fault at one of the points.
func (c *crashes[S]) further(s scenario, points []point) (all []triedScenario, found *finding) {
	for _, p := range points {
		for _, a := range p.actions() {
			next := with(s, p, a)
			got := c.try(next)
			if got.err != nil {
				return nil, c.shorten(next, got)
			}
			all = append(all, triedScenario{next, got.points})
		}
	}
	return all, nil
}

func with(s scenario, p point, a action) scenario {
	next := maps.Clone(s)
	next[p] = a
	return next
}

// pairs tries about limit pairs of faults, evenly spread.
func (c *crashes[S]) pairs(singles []triedScenario, limit int) *finding {
	var all []scenario
	for _, one := range singles {
		for _, p := range one.points {
			if _, isThere := one.scenario[p]; isThere {
				continue
			}
			for _, a := range p.actions() {
				all = append(all, with(one.scenario, p, a))
			}
		}
	}
	stride := max(1, len(all)/max(limit, 1))
	for i := 0; i < len(all); i += stride {
		if got := c.try(all[i]); got.err != nil {
			return c.shorten(all[i], got)
		}
	}
	return nil
}

// maxFaults is how many faults a random sequence has at most.
const maxFaults = 8

// random tries about limit random sequences, each of which grows fault by fault. They are
// the same each time.
func (c *crashes[S]) random(calm []point, limit int) *finding {
	draw := rand.New(rand.NewPCG(1, 2))
	for n := 0; n < limit; {
		s, points := scenario{}, calm
		for range 2 + draw.IntN(maxFaults-1) {
			p := points[draw.IntN(len(points))]
			actions := p.actions()
			s = with(s, p, actions[draw.IntN(len(actions))])
			got := c.try(s)
			if n++; got.err != nil {
				return c.shorten(s, got)
			}
			points = got.points
		}
	}
	return nil
}

// shorten leaves out what is not needed for a bad end.
func (c *crashes[S]) shorten(s scenario, bad outcome) *finding {
	for shorter := true; shorter; {
		shorter = false
		for _, p := range slices.Clone(bad.points) {
			if _, isThere := s[p]; !isThere {
				continue
			}
			less := maps.Clone(s)
			delete(less, p)
			if got := c.try(less); got.err != nil {
				s, bad, shorter = less, got, true
				break
			}
		}
	}
	return &finding{s, bad.points, bad.err}
}
