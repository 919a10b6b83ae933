package config

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/jsonfields"
)

var durationType = reflect.TypeFor[time.Duration]()

// setting is a setting that a variable or a flag can name.
type setting struct {
	path []string
	typ  reflect.Type
}

// settingNames is all settings of a struct by their flat names.
type settingNames map[string][]setting

// namesIn returns the settings under t.
func namesIn(t reflect.Type) settingNames {
	found := settingNames{}
	var walk func(t reflect.Type, path []string, above []reflect.Type)
	walk = func(t reflect.Type, path []string, above []reflect.Type) {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if len(path) > 0 {
			flat := flatName(strings.Join(path, "_"))
			found[flat] = append(found[flat], setting{path, t})
		}
		if t.Kind() != reflect.Struct || slices.Contains(above, t) {
			return
		}
		for _, f := range jsonfields.Of(t) {
			walk(f.Type, append(slices.Clip(path), f.Name), append(slices.Clip(above), t))
		}
	}
	walk(t, nil, nil)
	return found
}

// find returns the setting with this flat name, or nil.
func (n settingNames) find(name, origin string) (*setting, error) {
	found := n[flatName(name)]
	if len(found) > 1 {
		return nil, fault.InvalidArgument.Errorf("%s: it names both key %q and key %q; rename one of them",
			origin, strings.Join(found[0].path, "."), strings.Join(found[1].path, "."))
	}
	if len(found) == 0 {
		return nil, nil
	}
	return &found[0], nil
}

// flatName is a path in a form without dots, as variables and flags need it.
func flatName(name string) string {
	return strings.ToLower(strings.NewReplacer("-", "_", ".", "_").Replace(name))
}

// parseText returns the tree that a file would have for a setting of type t with this
// text. Text that does not fit stays a string, which decoding refuses.
func parseText(text string, t reflect.Type) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	readsText := reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	readsJSON := reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
	switch {
	case t == durationType, t.Kind() == reflect.String, readsText && !(readsJSON && isJSON(text)):
		return text
	case readsJSON && isJSON(text):
		return jsonText(text)
	case t.Kind() == reflect.Bool:
		switch text {
		case "true":
			return true
		case "false":
			return false
		}
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64:
		if isJSON(text) {
			return json.Number(strings.TrimSpace(text))
		}
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Array:
		return listText(text, t)
	default:
		return jsonText(text)
	}
	return text
}

// listText parses a list: a JSON list, or the parts between commas. A single object is a
// list of one. Bytes are text in base64.
func listText(text string, t reflect.Type) any {
	trimmed := strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(trimmed, "[") && isJSON(trimmed):
		return jsonText(text)
	case isBytes(t) && trimmed == "null": // null is also valid base64
		return jsonText(text)
	case isBytes(t) && !strings.Contains(text, ","):
		return text
	case strings.HasPrefix(trimmed, "{") && isJSON(trimmed) && t.Elem().Kind() != reflect.String:
		return []any{jsonText(text)}
	}
	list := []any{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, parseText(part, t.Elem()))
		}
	}
	return list
}

// jsonText parses text as JSON if it is valid JSON. Otherwise it returns text.
func jsonText(text string) any {
	if !isJSON(text) {
		return text
	}
	tree, err := parseJSON([]byte(text))
	switch {
	case err != nil:
		return unreadable(err.Error())
	case tree == nil:
		return unreadable("null sets nothing; leave it out")
	}
	return tree
}

// isBytes reports whether t is a list of byte, which is written as base64. A named type
// based on byte has a meaning of its own and is not.
func isBytes(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && t.Elem() == reflect.TypeFor[byte]()
}

func isJSON(text string) bool { return json.Valid([]byte(text)) }
