package flow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/sinew-go/sinew/fault"
)

// join returns the state with the changes of all branches. Two branches that have changed
// one field differently are a failure, unless the last one is to win.
func (r *Run) join(s *Step, outer json.RawMessage, lastWins bool) (json.RawMessage, *Failure) {
	joined, changedBy := outer, map[string]string{}
	for _, b := range s.Parallel {
		n := r.node(b)
		changed, whole := changes(n.Base, n.State)
		if whole {
			changed = map[string]json.RawMessage{"": n.State}
		}
		for _, field := range slices.Sorted(maps.Keys(changed)) {
			before, isChanged := changedBy[field]
			if isChanged && !lastWins && !bytes.Equal(r.fieldOf(s, before, field), changed[field]) {
				return nil, &Failure{Code: fault.Internal, Text: fmt.Sprintf("the branches %s and %s change the field %q of the state differently", before, b.Name, field)}
			}
			changedBy[field] = b.Name
		}
		if whole {
			joined = n.State
		} else {
			joined = withFields(joined, changed)
		}
	}
	return joined, nil
}

// fieldOf returns a field of the state of a branch; "" is the whole state.
func (r *Run) fieldOf(s *Step, branch, field string) json.RawMessage {
	for _, b := range s.Parallel {
		if b.Name == branch {
			if field == "" {
				return r.node(b).State
			}
			return fields(r.node(b).State)[field]
		}
	}
	return nil
}

// changes returns the fields in which two states differ, nil for one that is missing.
// whole says that a state is no object, so that it changes as a whole.
func changes(base, state json.RawMessage) (changed map[string]json.RawMessage, whole bool) {
	if bytes.Equal(base, state) {
		return nil, false
	}
	before, after := fields(base), fields(state)
	if before == nil || after == nil {
		return nil, true
	}
	changed = map[string]json.RawMessage{}
	for name, value := range after {
		if old, ok := before[name]; !ok || !bytes.Equal(old, value) {
			changed[name] = value
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			changed[name] = nil
		}
	}
	return changed, false
}

// withFields returns the object with these fields. A nil field is removed.
func withFields(object json.RawMessage, changed map[string]json.RawMessage) json.RawMessage {
	if len(changed) == 0 {
		return object
	}
	all := fields(object)
	if all == nil {
		all = map[string]json.RawMessage{}
	}
	for name, value := range changed {
		if value == nil {
			delete(all, name)
		} else {
			all[name] = value
		}
	}
	text, err := json.Marshal(all)
	if err != nil { // its parts are JSON
		return object
	}
	return text
}

// fields returns the fields of an object, nil if state is none.
func fields(state json.RawMessage) map[string]json.RawMessage {
	var all map[string]json.RawMessage
	if json.Unmarshal(state, &all) != nil {
		return nil
	}
	return all
}

// rejoin puts what is left of the states of branches into the state, at the end of a run
// that is undone, so that the state shows what the Undos made of it.
func (r *Run) rejoin(steps []*Step) {
	for _, s := range steps {
		r.rejoin(s.Steps)
		r.rejoin(s.Parallel)
		if n := r.Nodes[s.Path]; n != nil && len(s.Parallel) > 0 && n.Begun && !n.Done {
			place := r.state(s)
			*place, _ = r.join(s, *place, true)
			r.dropBranches(s)
		}
	}
}
