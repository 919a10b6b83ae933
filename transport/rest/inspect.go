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
)

// shape is what encoding/json knows of a type when it decodes JSON: whose members
// an object has. The nil shape is that of a type which decodes itself, or takes
// anything.
type shape struct {
	members map[string]*shape // of a struct
	folded  map[string]string // the name of a member by its folded name
	elem    *shape            // of a map, slice or array
	key     reflect.Type      // of a map whose keys are no plain texts
}

// shapeOf is the shape of t. A type that holds itself has one that does.
func shapeOf(t reflect.Type, known map[reflect.Type]*shape) *shape {
	for steps := 0; t.Kind() == reflect.Pointer && !decodesItself(t); steps++ {
		if steps > maxNesting { // a pointer to itself
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
		for _, m := range membersOf(t) {
			s.members[m.name] = shapeOf(m.t, known)
			if fold := folded(m.name); s.folded[fold] == "" {
				s.folded[fold] = m.name
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

// decodesItself says that encoding/json leaves a value of type t to its own method.
func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(unmarshalerType) || p.Implements(textUnmarshalerType)
}

// folded is a name as encoding/json compares names when none is the same.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		return least
	}, name)
}

// inspection goes through JSON text before it is decoded, and finds what
// encoding/json would pass over. Text that is no JSON it leaves to encoding/json.
type inspection struct {
	text   []byte
	at     int
	strict bool     // members that the type does not have are refused
	names  [][]byte // of the objects that are open, the innermost last
	most   int      // how deep arrays and objects may lie in one another
}

// errNoJSON ends an inspection of text that encoding/json will refuse.
var errNoJSON = errors.New("no JSON")

// misfit is what an inspection finds, and where.
type misfit struct {
	path string
	what string
}

func (m *misfit) Error() string {
	if m.path == "" {
		return m.what
	}
	return m.path + ": " + m.what
}

// inspect refuses text in which an object has a member more than once, or two
// members that come to one field since encoding/json does not tell upper from lower
// case, or to one key of a map. Strict refuses each member that is not, letter by letter, one of the type's.
func inspect(text []byte, s *shape, strict bool, deepest int) error {
	i := inspection{text: text, strict: strict, most: deepest}
	if err := i.value(s, 0); err != nil && !errors.Is(err, errNoJSON) {
		return err
	}
	return nil
}

func (i *inspection) value(s *shape, depth int) error {
	switch i.next() {
	case '{', '[':
		if depth++; depth > i.most {
			return errors.New("it is nested deeper than " + strconv.Itoa(i.most))
		}
		if i.text[i.at] == '{' {
			return i.object(s, depth)
		}
		return i.array(s, depth)
	case '"':
		_, _, err := i.skip()
		return err
	case 0:
		return errNoJSON
	}
	for ; i.at < len(i.text); i.at++ {
		switch i.text[i.at] {
		case ',', ']', '}', ' ', '\t', '\r', '\n':
			return nil
		}
	}
	return nil
}

func (i *inspection) array(s *shape, depth int) error {
	i.at++
	if i.next() == ']' {
		i.at++
		return nil
	}
	var elem *shape
	if s != nil {
		elem = s.elem
	}
	for n := 0; ; n++ {
		if err := i.value(elem, depth); err != nil {
			return within("["+strconv.Itoa(n)+"]", err)
		}
		switch i.next() {
		case ',':
			i.at++
		case ']':
			i.at++
			return nil
		default:
			return errNoJSON
		}
	}
}

func (i *inspection) object(s *shape, depth int) error {
	i.at++
	first := len(i.names)
	defer func() { i.names = i.names[:first] }()
	if i.next() == '}' {
		i.at++
		return nil
	}
	for {
		if i.next() != '"' {
			return errNoJSON
		}
		name, err := i.name()
		if err != nil {
			return err
		}
		into, called, err := i.memberOf(s, name)
		if err != nil {
			return err
		}
		i.names = append(i.names, called)
		if i.next() != ':' {
			return errNoJSON
		}
		i.at++
		if err := i.value(into, depth); err != nil {
			return within(shortened(string(name)), err)
		}
		switch i.next() {
		case ',':
			i.at++
		case '}':
			i.at++
			return twice(i.names[first:])
		default:
			return errNoJSON
		}
	}
}

// memberOf is, where strict only by its very name, the shape of a member, and the name of the field that it comes to.
func (i *inspection) memberOf(s *shape, name []byte) (into *shape, called []byte, err error) {
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
		return nil, nil, &misfit{what: "unknown member " + strconv.Quote(shortened(string(name)))}
	}
	if field, ok := s.folded[folded(string(name))]; ok {
		return s.members[field], []byte(field), nil
	}
	return nil, name, nil
}

// keyOf is the name of a member as the key of a map that it comes to: two names may
// come to one, such as "1" and "01" to a number. What is no such key, encoding/json
// will refuse.
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

// twice refuses a name that is there more than once.
func twice(names [][]byte) error {
	const few = 16
	if len(names) <= few {
		for n, name := range names {
			for _, other := range names[:n] {
				if bytes.Equal(name, other) {
					return isTwice(name)
				}
			}
		}
		return nil
	}
	slices.SortFunc(names, bytes.Compare)
	for n := 1; n < len(names); n++ {
		if bytes.Equal(names[n-1], names[n]) {
			return isTwice(names[n])
		}
	}
	return nil
}

func isTwice(name []byte) error {
	return &misfit{shortened(string(name)), "the member is there more than once"}
}

// within says where in an object or array a misfit is.
func within(step string, err error) error {
	if m, ok := errors.AsType[*misfit](err); ok && len(m.path) < 4*maxShown {
		switch {
		case m.path == "" || m.path[0] == '[':
			m.path = step + m.path
		default:
			m.path = step + "." + m.path
		}
	}
	return err
}

// next is the first byte that is no blank, 0 at the end.
func (i *inspection) next() byte {
	for ; i.at < len(i.text); i.at++ {
		switch i.text[i.at] {
		case ' ', '\t', '\r', '\n':
		default:
			return i.text[i.at]
		}
	}
	return 0
}

// skip goes past the string that begins here, which is text with its quotes.
func (i *inspection) skip() (text []byte, escaped bool, err error) {
	start := i.at
	for i.at++; i.at < len(i.text) && i.text[i.at] != '"'; i.at++ {
		if i.text[i.at] == '\\' {
			escaped = true
			i.at++
		}
	}
	if i.at >= len(i.text) {
		return nil, false, errNoJSON
	}
	i.at++
	return i.text[start:i.at], escaped, nil
}

// name is the string that begins here, without its escapes.
func (i *inspection) name() ([]byte, error) {
	text, escaped, err := i.skip()
	switch {
	case err != nil:
		return nil, err
	case !escaped:
		return text[1 : len(text)-1], nil
	}
	var plain string
	if json.Unmarshal(text, &plain) != nil {
		return nil, errNoJSON
	}
	return []byte(plain), nil
}
