// Package jsonschema describes Go types as encoding/json writes and reads them, in JSON
// Schema.
package jsonschema

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Collection collects the schemas of types that are described together. A Go type may have
// two, one for answers and one for requests: an answer always has the members that
// encoding/json writes, while a request may leave out any, and may have null for a list.
type Collection struct {
	// ByName is the schemas that have a name, which [Reference] refers to.
	ByName map[string]any
	// Input says that the next schemas are those of requests.
	Input bool
	// Exact says that the schemas of requests are those of all that is read: null, where it
	// stands for the zero value, and the bounds of 64 bits.
	Exact bool
	// MarkClosed adds [Closed] to the schemas of enums.
	MarkClosed bool

	names      map[typeUse]string
	inProgress map[typeUse]bool // named types whose description is not finished
}

// Closed is a keyword of an enum whose Go type refuses to read any other value.
const Closed = "x-closed"

// NewCollection returns an empty collection, which names no schema as one of the reserved
// names.
func NewCollection(reserved ...string) *Collection {
	c := &Collection{ByName: map[string]any{}, names: map[typeUse]string{}, inProgress: map[typeUse]bool{}}
	for _, name := range reserved {
		c.ByName[name] = true
	}
	return c
}

// Enumerator is a type that lists its values.
type Enumerator interface{ Enum() []string }

// Describer is a type that encodes itself and describes what it writes and reads.
type Describer interface{ JSONSchema() map[string]any }

// Types that travel in a form of their own.
var (
	timeType            = reflect.TypeFor[time.Time]()
	numberType          = reflect.TypeFor[json.Number]()
	enumeratorType      = reflect.TypeFor[Enumerator]()
	describerType       = reflect.TypeFor[Describer]()
	marshalerType       = reflect.TypeFor[json.Marshaler]()
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// typeUse is a type in one of the two directions.
type typeUse struct {
	reflect.Type
	input bool
}

// assignName reserves a name for the schema of a type before it is made, since it may
// refer to itself. A request is "OrderInput" if Order is also in an answer.
func (c *Collection) assignName(key typeUse) string {
	plain := schemaName(key.Type)
	if key.input && c.names[typeUse{key.Type, false}] != "" {
		plain += "Input"
	}
	name := plain
	for n := 2; c.ByName[name] != nil; n++ {
		name = plain + strconv.Itoa(n)
	}
	c.names[key], c.ByName[name] = name, true
	return name
}

// Reference returns the schema that stands for a named one.
func Reference(name string) map[string]any {
	return map[string]any{"$ref": "#/components/schemas/" + name}
}

// schemaName returns "ListOrder" for List[*api.Order].
func schemaName(t reflect.Type) string {
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(t.Name(), func(r rune) bool { return strings.ContainsRune("[]{}(),;* ", r) }) {
		part = part[strings.LastIndexAny(part, "./")+1:]
		part, _, _ = strings.Cut(part, "·") // follows the name of a type declared in a function
		for _, r := range part {
			if isLetterOrDigit(r) || r == '_' || r == '-' {
				b.WriteRune(r)
			}
		}
	}
	if b.Len() == 0 {
		return "Type"
	}
	return b.String()
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
