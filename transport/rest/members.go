package rest

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// member is a member of a JSON object, as encoding/json reads and writes a struct.
type member struct {
	name     string
	index    []int
	t        reflect.Type
	optional bool // encoding/json may omit it when writing
	quoted   bool // ,string: a number or bool in quotes
}

// candidate is a field that is a member unless another one of its name hides it.
type candidate struct {
	member
	tagged bool
}

// membersOf returns the members of a struct in the order of their fields. Of several
// fields with one name, the least deeply embedded one counts, then the one whose tag gives
// the name, else none.
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
		onLevel := map[string][]candidate{}
		var next []embedded
		for _, e := range level {
			for f := range e.t.Fields() {
				index := append(slices.Clone(e.index), f.Index...)
				if isInlined(f) {
					next = append(next, embedded{deref(f.Type), index, e.absent || f.Type.Kind() == reflect.Pointer})
					continue
				}
				if c, ok := candidateOf(f, index, e.absent); ok {
					onLevel[c.name] = append(onLevel[c.name], c)
				}
			}
		}
		for name, all := range onLevel {
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

// candidateOf returns the candidate that a field is. optional says that the struct around
// it may be absent altogether.
func candidateOf(f reflect.StructField, index []int, absent bool) (candidate, bool) {
	name, options, isMember := jsonTag(f)
	c := candidate{member{
		name: name, index: index, t: f.Type,
		optional: absent || slices.Contains(options, "omitempty") || slices.Contains(options, "omitzero"),
		quoted:   slices.Contains(options, "string") && quotable(f.Type),
	}, name != ""}
	if !c.tagged {
		c.name = f.Name
	}
	return c, isMember
}

// dominant returns the candidate that hides the others of its level, if there is one.
func dominant(all []candidate) (member, bool) {
	if len(all) == 1 {
		return all[0].member, true
	}
	tagged := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return !c.tagged })
	if len(tagged) == 1 {
		return tagged[0].member, true
	}
	return member{}, false
}

// jsonTag parses the json tag of a field. isMember is false if the field is no member.
// name is "" if the tag gives none.
func jsonTag(f reflect.StructField) (name string, options []string, isMember bool) {
	if f.Anonymous {
		if !f.IsExported() && deref(f.Type).Kind() != reflect.Struct {
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
	if name = parts[0]; strings.ContainsFunc(name, isInvalidInTag) {
		name = ""
	}
	return name, parts[1:], true
}

// isInvalidInTag reports whether encoding/json ignores a name in a tag for this character.
func isInvalidInTag(r rune) bool {
	return !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// quotable reports whether ,string has an effect on a field of this type.
func quotable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Float64 || t.Kind() == reflect.String
}

// isInlined reports whether encoding/json treats the fields of f, an embedded struct, as
// fields of the struct around it.
func isInlined(f reflect.StructField) bool {
	name, _, isMember := jsonTag(f)
	return f.Anonymous && isMember && name == "" && deref(f.Type).Kind() == reflect.Struct
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
