package rest

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/sinew-go/sinew/internal/jsonfields"
)

// shape describes how encoding/json decodes into a type: which members an object may have.
// The nil shape is that of a type that decodes itself or accepts anything.
type shape struct {
	members map[string]*shape // of a struct
	folded  map[string]string // a member's name, by its folded name
	elem    *shape            // of a map, slice or array
	key     reflect.Type      // of a map whose keys are not plain strings
}

// shapeOf returns the shape of t. The shape of a recursive type is recursive.
func shapeOf(t reflect.Type, known map[reflect.Type]*shape) *shape {
	for steps := 0; t.Kind() == reflect.Pointer && !decodesItself(t); steps++ {
		if steps > maxNesting { // a pointer type that points to itself
			return nil
		}
		t = t.Elem()
	}
	if s, ok := known[t]; ok {
		return s
	}
	if decodesItself(t) {
		return nil
	}
	s := &shape{}
	switch t.Kind() {
	case reflect.Struct:
		known[t] = s
		s.members, s.folded = map[string]*shape{}, map[string]string{}
		for _, m := range jsonfields.Of(t) {
			s.members[m.Name] = shapeOf(m.Type, known)
			if fold := foldName(m.Name); s.folded[fold] == "" {
				s.folded[fold] = m.Name
			}
		}
	case reflect.Map, reflect.Slice, reflect.Array:
		known[t] = s
		if t.Kind() == reflect.Map && (t.Key().Kind() != reflect.String || decodesItself(t.Key())) {
			s.key = t.Key()
		}
		s.elem = shapeOf(t.Elem(), known)
	default:
		return nil
	}
	return s
}

// decodesItself reports whether encoding/json decodes a value of type t by t's own method.
func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(unmarshalerType) || p.Implements(textUnmarshalerType)
}

// foldName returns the form of a name in which encoding/json compares names when none
// matches exactly.
func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return least
	}, name)
}

// inspection reads JSON text before it is decoded, and finds what encoding/json would
// silently accept. It leaves invalid JSON to encoding/json.
type inspection struct {
	text     []byte
	pos      int
	strict   bool     // refuse members that the type does not have
	names    [][]byte // members of the open objects, the innermost object last
	maxDepth int      // how deep arrays and objects may be nested
}

// errNotJSON ends the inspection of text that encoding/json will refuse.
var errNotJSON = errors.New("no JSON")

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
	i := inspection{text: text, strict: strict, maxDepth: maxDepth}
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
	case '"':
		_, _, err := i.skipString()
		return err
	case 0:
		return errNotJSON
	}
	for ; i.pos < len(i.text); i.pos++ {
		switch i.text[i.pos] {
		case ',', ']', '}', ' ', '\t', '\r', '\n':
			return nil
		}
	}
	return nil
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
		into, canonical, err := i.memberOf(s, name)
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

// memberOf returns the shape of a member and the canonical name of the field or key that
// it sets. With strict, only the exact name matches a field.
func (i *inspection) memberOf(s *shape, name []byte) (into *shape, canonical []byte, err error) {
	if s == nil || s.members == nil {
		if s != nil {
			into = s.elem
		}
		if s != nil && s.key != nil {
			name = keyOf(s.key, name)
		}
		return into, name, nil
	}
	if into, ok := s.members[string(name)]; ok {
		return into, name, nil
	}
	if i.strict {
		return nil, nil, &bodyError{what: "unknown member " + strconv.Quote(shorten(string(name)))}
	}
	if field, ok := s.folded[foldName(string(name))]; ok {
		return s.members[field], []byte(field), nil
	}
	return nil, name, nil
}

// keyOf returns the canonical form of a map key: two names may be one key, such as "1" and
// "01" for a number. encoding/json will refuse a name that is not a valid key.
func keyOf(t reflect.Type, name []byte) []byte {
	key := reflect.New(t)
	if u, ok := key.Interface().(encoding.TextUnmarshaler); ok {
		if u.UnmarshalText(name) != nil {
			return name
		}
		return fmt.Appendf(nil, "%#v", key.Elem().Interface())
	}
	if n, err := strconv.ParseInt(string(name), 10, 64); err == nil {
		return strconv.AppendInt(nil, n, 10)
	}
	if n, err := strconv.ParseUint(string(name), 10, 64); err == nil {
		return strconv.AppendUint(nil, n, 10)
	}
	return name
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

// next skips blanks and returns the byte that follows, 0 at the end.
func (i *inspection) next() byte {
	for ; i.pos < len(i.text); i.pos++ {
		switch i.text[i.pos] {
		case ' ', '\t', '\r', '\n':
		default:
			return i.text[i.pos]
		}
	}
	return 0
}

// skipString skips the string at the current position and returns it with its quotes.
func (i *inspection) skipString() (text []byte, escaped bool, err error) {
	start := i.pos
	for i.pos++; i.pos < len(i.text) && i.text[i.pos] != '"'; i.pos++ {
		if i.text[i.pos] == '\\' {
			escaped = true
			i.pos++
		}
	}
	if i.pos >= len(i.text) {
		return nil, false, errNotJSON
	}
	i.pos++
	return i.text[start:i.pos], escaped, nil
}

// readName reads the string at the current position and resolves its escapes.
func (i *inspection) readName() ([]byte, error) {
	text, escaped, err := i.skipString()
	switch {
	case err != nil:
		return nil, err
	case !escaped:
		return text[1 : len(text)-1], nil
	}
	var plain string
	if json.Unmarshal(text, &plain) != nil {
		return nil, errNotJSON
	}
	return []byte(plain), nil
}
