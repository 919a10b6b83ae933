package jsonfields

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Tag is the json tag of a field.
type Tag struct {
	// Name is the name of the member, "" if the tag gives none and that of the field
	// counts.
	Name string
	// Options are what follows the first comma, nil if there is none: omitempty,
	// omitzero, string.
	Options []string
}

// Has reports whether the tag has an option.
func (t Tag) Has(option string) bool { return slices.Contains(t.Options, option) }

// TagOf parses the tag of a field. ok is false if the field is no member: it is not
// exported, or tagged "-".
func TagOf(f reflect.StructField) (tag Tag, ok bool) {
	if !f.IsExported() && !(f.Anonymous && pointed(f.Type).Kind() == reflect.Struct) {
		return Tag{}, false
	}
	text := f.Tag.Get("json")
	if text == "-" {
		return Tag{}, false
	}
	name, options, hasOptions := strings.Cut(text, ",")
	tag.Name = name
	if hasOptions {
		tag.Options = strings.Split(options, ",")
	}
	if strings.ContainsFunc(tag.Name, isInvalid) {
		tag.Name = ""
	}
	return tag, true
}

// isInvalid reports whether encoding/json ignores a name in a tag for this character.
func isInvalid(r rune) bool {
	return !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// Inlined reports whether f is an embedded struct, or pointer to one, whose fields count
// as fields of the struct around it.
func Inlined(f reflect.StructField) bool {
	tag, ok := TagOf(f)
	return f.Anonymous && ok && tag.Name == "" && pointed(f.Type).Kind() == reflect.Struct
}

// pointed returns what t points to, or t.
func pointed(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
