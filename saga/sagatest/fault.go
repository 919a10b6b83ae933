package sagatest

import "fmt"

// point is where something may go wrong: the nth call of a function of a step, or the nth
// save of something.
type point struct {
	kind pointKind
	name string // of the step, or what is saved
	n    int    // from 1
}

type pointKind int

const (
	doCall pointKind = iota
	undoCall
	saving
)

// action is what goes wrong at a point.
type action int

const (
	killBefore action = iota // the effect, or the save
	killAfter
	failBefore // the effect, for a reason that may pass
	failAfter
	refuse
	cancel
)

// actions are what may go wrong at the point.
func (p point) actions() []action {
	switch p.kind {
	case doCall:
		return []action{killBefore, killAfter, failBefore, failAfter, refuse, cancel}
	case undoCall:
		return []action{killBefore, killAfter, failBefore, failAfter}
	default:
		return []action{killBefore, killAfter}
	}
}

// sentence says what went wrong.
func (a action) sentence(p point) string {
	name := p.name
	if p.kind == undoCall {
		name = "the Undo of " + name
	}
	if p.n > 1 {
		name += fmt.Sprintf(" (call %d)", p.n)
	}
	if p.kind == saving {
		return map[action]string{
			killBefore: "the worker was killed before it was saved that " + p.name,
			killAfter:  "the worker was killed after it was saved that " + p.name,
		}[a]
	}
	return map[action]string{
		killBefore: "the worker was killed when it called " + name + ", which did nothing",
		killAfter:  "the worker was killed after " + name + " was done and before that was saved",
		failBefore: name + " failed, and did nothing",
		failAfter:  name + " was done, and its answer was lost",
		refuse:     name + " was refused, and did nothing",
		cancel:     "an operator cancelled the run while " + name + " ran",
	}[a]
}
