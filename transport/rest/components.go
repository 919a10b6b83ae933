package rest

import (
	"reflect"
	"strconv"
	"strings"
)

// components is the schemas of a document that have a name.
type components struct {
	schemas map[string]any // by name
	names   map[typeUse]string
}

// typeUse is a type in one of the two directions.
type typeUse struct {
	reflect.Type
	input bool
}

// assignName reserves a name for the schema of a type before it is made, since it may
// refer to itself. A request is "OrderInput" if Order is also in an answer.
func (c components) assignName(key typeUse) string {
	plain := schemaName(key.Type)
	if key.input && c.names[typeUse{key.Type, false}] != "" {
		plain += "Input"
	}
	name := plain
	for n := 2; c.schemas[name] != nil || name == "Problem"; n++ {
		name = plain + strconv.Itoa(n)
	}
	c.names[key], c.schemas[name] = name, true
	return name
}

// reference returns the schema that stands for a named one.
func reference(name string) map[string]any {
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
