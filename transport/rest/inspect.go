package rest

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
)

// inspection reads JSON text before it is decoded, and finds what encoding/json would
// silently accept.
type inspection struct {
	scanner
	strict   bool     // refuse members that the type does not have
	names    [][]byte // members of the open objects, the innermost object last
	maxDepth int      // how deep arrays and objects may be nested
}

// bodyError is what an inspection finds, and where.
type bodyError struct {
	path string
	what string
}

func (m *bodyError) Error() string {
	if m.path == "" {
		return m.what
	}
	return m.path + ": " + m.what
}

// inspect refuses an object that has a member more than once. Two members also count as
// one if they set one field, since encoding/json ignores upper and lower case, or if they
// are one key of a map. With strict it also refuses members that the type does not have
// under exactly this name.
func inspect(text []byte, s *shape, strict bool, maxDepth int) error {
	i := inspection{scanner: scanner{text: text}, strict: strict, maxDepth: maxDepth}
	if err := i.value(s, 0); err != nil && !errors.Is(err, errNotJSON) {
		return err
	}
	return nil
}

func (i *inspection) value(s *shape, depth int) error {
	switch i.next() {
	case '{', '[':
		if depth++; depth > i.maxDepth {
			return errors.New("it is nested deeper than " + strconv.Itoa(i.maxDepth))
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
	var elem *shape
	if s != nil {
		elem = s.elem
	}
	for n := 0; ; n++ {
		if err := i.value(elem, depth); err != nil {
			return inPath("["+strconv.Itoa(n)+"]", err)
		}
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
		into, canonical, err := s.member(name, i.strict)
		if err != nil {
			return err
		}
		i.names = append(i.names, canonical)
		if i.next() != ':' {
			return errNotJSON
		}
		i.pos++
		if err := i.value(into, depth); err != nil {
			return inPath(shorten(string(name)), err)
		}
		switch i.next() {
		case ',':
			i.pos++
		case '}':
			i.pos++
			return checkDuplicates(i.names[first:])
		default:
			return errNotJSON
		}
	}
}

// checkDuplicates refuses a name that occurs more than once. It may sort names.
func checkDuplicates(names [][]byte) error {
	const few = 16
	if len(names) <= few {
		for n, name := range names {
			for _, other := range names[:n] {
				if bytes.Equal(name, other) {
					return duplicateError(name)
				}
			}
		}
		return nil
	}
	slices.SortFunc(names, bytes.Compare)
	for n := 1; n < len(names); n++ {
		if bytes.Equal(names[n-1], names[n]) {
			return duplicateError(names[n])
		}
	}
	return nil
}

func duplicateError(name []byte) error {
	return &bodyError{shorten(string(name)), "the member is there more than once"}
}

// inPath prepends the position in an object or array to the path of a bodyError.
func inPath(step string, err error) error {
	if m, ok := errors.AsType[*bodyError](err); ok && len(m.path) < 4*maxQuotedValue {
		switch {
		case m.path == "" || m.path[0] == '[':
			m.path = step + m.path
		default:
			m.path = step + "." + m.path
		}
	}
	return err
}
