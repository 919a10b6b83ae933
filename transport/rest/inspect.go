package rest

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/validation"
)

// inspection reads JSON text before it is decoded, and finds what encoding/json would
// silently accept.
type inspection struct {
	scanner
	strict   bool     // refuse members that the type does not have
	names    [][]byte // members of the open objects, the innermost object last
	maxDepth int      // how deep arrays and objects may be nested
	// all collects every fault, values of a wrong type included. Without it an inspection
	// ends at the first fault, and leaves types to encoding/json.
	all  *validation.Faults
	path []step // to the value that is read, if faults are collected
	// fractions are numbers with a fraction or an exponent where an integer is expected.
	fractions []span
}

// step is one token of a JSON Pointer: the name of a member, or the index of an element.
type step struct {
	name  []byte // nil for an element
	index int
}

// maxPointerBytes bounds the pointer to a fault. A longer one ends at a value around it.
const maxPointerBytes = 256

// Why an inspection ends before the text does.
var (
	errFaulty = errors.New("it has a fault")
	errFull   = errors.New("it has as many faults as are reported")
)

// inspect refuses an object that has a member more than once. Two members also count as
// one if they set one field, since encoding/json ignores upper and lower case, or if they
// are one key of a map. With strict it also refuses members that the type does not have
// under exactly this name. collectFaults says what is wrong.
func inspect(text []byte, s *shape, strict bool, maxDepth int) error {
	_, err := inspected(text, s, strict, maxDepth)
	return err
}

// inspected returns text that inspect accepts, with its whole numbers as encoding/json
// reads them.
func inspected(text []byte, s *shape, strict bool, maxDepth int) ([]byte, error) {
	var names [16][]byte // on the stack, for the names of most bodies
	i := inspection{scanner: scanner{text: text}, strict: strict, maxDepth: maxDepth, names: names[:0]}
	if err := i.value(s, 0); err != nil && !errors.Is(err, errNotJSON) {
		return nil, err
	}
	return withoutFractions(text, i.fractions), nil
}

// collectFaults adds all faults of valid JSON text to all, until that is full.
func collectFaults(all *validation.Faults, text []byte, s *shape, strict bool, maxDepth int) {
	i := inspection{scanner: scanner{text: text}, strict: strict, maxDepth: maxDepth, all: all}
	if err := i.value(s, 0); errors.Is(err, errFull) {
		all.Break()
	}
}

// report reports a fault of the value at the current path. The inspection goes on if the
// result is nil.
func (i *inspection) report(detail string) error {
	switch {
	case i.all == nil:
		return errFaulty
	case i.all.IsFull():
		return errFull
	}
	i.all.Add(fault.Violation{Pointer: i.pointer(), Detail: detail})
	return nil
}

// enter adds a step to the path; it returns the length to which leave cuts the path again.
func (i *inspection) enter(s step) (before int) {
	before = len(i.path)
	if i.all != nil {
		i.path = append(i.path, s)
	}
	return before
}

func (i *inspection) leave(before int) { i.path = i.path[:before] }

// pointer returns the path as a JSON Pointer.
func (i *inspection) pointer() string {
	var b strings.Builder
	for _, s := range i.path {
		token := strconv.Itoa(s.index)
		if s.name != nil {
			token = strings.ReplaceAll(strings.ReplaceAll(string(s.name), "~", "~0"), "/", "~1")
		}
		if b.Len()+len(token) >= maxPointerBytes {
			break
		}
		b.WriteString("/" + token)
	}
	return b.String()
}

// value reads the next value, which s describes.
func (i *inspection) value(s *shape, depth int) error {
	first := i.next()
	if i.all == nil && first <= '9' && first != '"' && s.isInteger() {
		return i.integer()
	}
	if i.all == nil || s == nil || s.isContainer(first) {
		return i.skipValue(s, depth)
	}
	start, before := i.pos, i.all.Len()
	if err := i.skipValue(nil, depth); err != nil || i.all.Len() > before {
		return err
	}
	detail := s.misfit(i.text[start:i.pos])
	switch {
	case detail == "":
		return nil
	case len(i.path) == 0:
		detail = "the body: " + detail
	}
	return i.report(detail)
}

// integer reads a number that an integer is decoded from.
func (i *inspection) integer() error {
	start := i.pos
	err := i.skipScalar()
	if text := i.text[start:i.pos]; bytes.ContainsAny(text, ".eE") || string(text) == "-0" {
		i.fractions = append(i.fractions, span{start, i.pos})
	}
	return err
}

func (i *inspection) skipValue(s *shape, depth int) error {
	switch i.next() {
	case '{', '[':
		if depth++; depth > i.maxDepth {
			i.leave(0)
			return cmp.Or(i.report("arrays and objects are nested deeper than "+strconv.Itoa(i.maxDepth)), errFull)
		}
		if i.text[i.pos] == '{' {
			return i.object(s, depth)
		}
		return i.array(s, depth)
	}
	return i.skipScalar()
}

func (i *inspection) array(s *shape, depth int) error {
	i.pos++
	if i.next() == ']' {
		i.pos++
		return nil
	}
	for n := 0; ; n++ {
		outside := i.enter(step{index: n})
		if err := i.value(s.element(n), depth); err != nil {
			return err
		}
		i.leave(outside)
		switch i.next() {
		case ',':
			i.pos++
		case ']':
			i.pos++
			return nil
		default:
			return errNotJSON
		}
	}
}

func (i *inspection) object(s *shape, depth int) error {
	i.pos++
	first := len(i.names)
	defer func() { i.names = i.names[:first] }()
	if i.next() == '}' {
		i.pos++
		return nil
	}
	for {
		if i.next() != '"' {
			return errNotJSON
		}
		name, err := i.readName()
		if err != nil {
			return err
		}
		outside := i.enter(step{name: name})
		into, canonical, detail := s.member(name, i.strict)
		if detail == "" && i.all != nil {
			detail = s.badKey(name)
		}
		if detail != "" {
			if err := i.report(detail); err != nil {
				return err
			}
		}
		i.names = append(i.names, canonical)
		if i.next() != ':' {
			return errNotJSON
		}
		i.pos++
		if err := i.value(into, depth); err != nil {
			return err
		}
		i.leave(outside)
		switch i.next() {
		case ',':
			i.pos++
		case '}':
			i.pos++
			return i.checkDuplicates(s, i.names[first:])
		default:
			return errNotJSON
		}
	}
}

// checkDuplicates reports the names that occur more than once. It may sort names.
func (i *inspection) checkDuplicates(s *shape, names [][]byte) error {
	const few = 16
	if len(names) <= few {
		for n, name := range names {
			if slices.ContainsFunc(names[:n], func(other []byte) bool { return bytes.Equal(name, other) }) {
				if err := i.reportDuplicate(s, name); err != nil {
					return err
				}
			}
		}
		return nil
	}
	slices.SortFunc(names, bytes.Compare)
	for n := 1; n < len(names); n++ {
		if bytes.Equal(names[n-1], names[n]) {
			if err := i.reportDuplicate(s, names[n]); err != nil {
				return err
			}
		}
	}
	return nil
}

// reportDuplicate reports a name that occurs more than once in the object at the current
// path. Two forms of one key have no pointer in common but that of the map.
func (i *inspection) reportDuplicate(s *shape, name []byte) error {
	if s != nil && s.key != nil {
		return i.report("the key " + shorten(string(name)) + " is there more than once")
	}
	defer i.leave(i.enter(step{name: name}))
	return i.report("the member is there more than once")
}
