package rest

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// member is a member of a JSON object, as encoding/json reads and writes a struct.
type member struct {
	name   string
	index  []int
	t      reflect.Type
	absent bool // it may be left out of what is written
	quoted bool // ,string: a number or a bool within quotes
}

// candidate is a member before it is known which one of its name counts.
type candidate struct {
	member
	tagged bool
}

// membersOf are the members of a struct, by name. Of two with one name the one that
// is embedded less deeply counts, then the one whose tag names it, else neither.
func membersOf(t reflect.Type) []member {
	var found []member
	settled := map[string]bool{}
	seen := map[reflect.Type]bool{}
	type embedded struct {
		t      reflect.Type
		index  []int
		absent bool
	}
	for level := []embedded{{t: t}}; len(level) > 0; {
		here := map[string][]candidate{}
		var next []embedded
		for _, e := range level {
			for f := range e.t.Fields() {
				at := append(slices.Clone(e.index), f.Index...)
				if flattened(f) {
					next = append(next, embedded{pointedTo(f.Type), at, e.absent || f.Type.Kind() == reflect.Pointer})
					continue
				}
				if c, ok := candidateOf(f, at, e.absent); ok {
					here[c.name] = append(here[c.name], c)
				}
			}
		}
		for name, all := range here {
			if !settled[name] {
				settled[name] = true
				if m, ok := dominant(all); ok {
					found = append(found, m)
				}
			}
		}
		for _, e := range level {
			seen[e.t] = true
		}
		level = slices.DeleteFunc(next, func(e embedded) bool { return seen[e.t] })
	}
	slices.SortFunc(found, func(a, b member) int { return slices.Compare(a.index, b.index) })
	return found
}

// candidateOf is what a field is; absent says that all of its struct may be left out.
func candidateOf(f reflect.StructField, at []int, absent bool) (candidate, bool) {
	name, options, written := jsonTag(f)
	c := candidate{member{
		name: name, index: at, t: f.Type,
		absent: absent || slices.Contains(options, "omitempty") || slices.Contains(options, "omitzero"),
		quoted: slices.Contains(options, "string") && quotable(f.Type),
	}, name != ""}
	if !c.tagged {
		c.name = f.Name
	}
	return c, written
}

// dominant is which of the candidates on one level counts, if any.
func dominant(all []candidate) (member, bool) {
	if len(all) == 1 {
		return all[0].member, true
	}
	named := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return !c.tagged })
	if len(named) == 1 {
		return named[0].member, true
	}
	return member{}, false
}

// jsonTag is what the tag of a field says; written is false for one that is no
// member. The name is "" where the tag gives none.
func jsonTag(f reflect.StructField) (name string, options []string, written bool) {
	if f.Anonymous {
		if !f.IsExported() && pointedTo(f.Type).Kind() != reflect.Struct {
			return "", nil, false
		}
	} else if !f.IsExported() {
		return "", nil, false
	}
	tag := f.Tag.Get("json")
	if tag == "-" {
		return "", nil, false
	}
	parts := strings.Split(tag, ",")
	if name = parts[0]; strings.ContainsFunc(name, unfitForName) {
		name = ""
	}
	return name, parts[1:], true
}

// unfitForName says that encoding/json takes a tag with this character for no name.
func unfitForName(r rune) bool {
	return !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// quotable says that ,string has an effect on a field of this type.
func quotable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Float64 || t.Kind() == reflect.String
}

// flattened says that encoding/json takes the fields of f, an embedded struct,
// for those of the struct around it.
func flattened(f reflect.StructField) bool {
	name, _, written := jsonTag(f)
	return f.Anonymous && written && name == "" && pointedTo(f.Type).Kind() == reflect.Struct
}

func pointedTo(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
