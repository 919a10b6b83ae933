package config

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sinew-go/sinew/internal/jsonfields"
)

// decoder writes a tree into settings and collects what does not fit.
type decoder struct{ flaws }

func (d *decoder) decode(value any, to reflect.Value, path string) {
	if value == nil {
		return
	}
	if why, ok := value.(unreadable); ok {
		d.add(flaw{path: path, text: string(why), quotes: true})
		return
	}
	if to.Kind() == reflect.Pointer {
		if to.IsNil() {
			to.Set(reflect.New(to.Type().Elem()))
		}
		d.decode(value, to.Elem(), path)
		return
	}
	switch self := to.Addr().Interface().(type) {
	case json.Unmarshaler:
		data, err := json.Marshal(value)
		if err == nil {
			err = self.UnmarshalJSON(data)
		}
		d.addOwnError(err, path)
		return
	case encoding.TextUnmarshaler:
		text, ok := value.(string)
		if !ok {
			d.addMismatch("text", value, path)
			return
		}
		d.addOwnError(self.UnmarshalText([]byte(text)), path)
		return
	}
	switch to.Kind() {
	case reflect.Struct:
		d.decodeStruct(value, to, path)
	case reflect.Map:
		d.decodeMap(value, to, path)
	case reflect.Slice, reflect.Array:
		d.decodeList(value, to, path)
	default:
		d.decodeScalar(value, to, path)
	}
}

func (d *decoder) decodeStruct(value any, to reflect.Value, path string) {
	object, ok := value.(map[string]any)
	if !ok {
		d.addMismatch("an object", value, path)
		return
	}
	fields := jsonfields.Of(to.Type())
	for _, key := range sortedKeys(object) {
		i := slices.IndexFunc(fields, func(f jsonfields.Field) bool { return f.Name == key })
		if i < 0 {
			f := flaw{path: joinPath(path, key)}
			if len(d.flaws) < maxFlaws { // beyond that it is not printed
				f.text = "no setting has this name; here are " + namesOf(fields)
			}
			d.add(f)
			continue
		}
		setting, ok := fields[i].Set(to)
		if !ok || !setting.CanSet() {
			d.addText(joinPath(path, key), "it belongs to an embedded type that is not exported, and cannot be set")
			continue
		}
		d.decode(object[key], setting, joinPath(path, key))
	}
}

func (d *decoder) decodeMap(value any, to reflect.Value, path string) {
	object, ok := value.(map[string]any)
	if !ok {
		d.addMismatch("an object", value, path)
		return
	}
	if to.Type().Key().Kind() != reflect.String {
		d.addText(path, "its map has keys that are no strings, and cannot be set")
		return
	}
	if to.IsNil() {
		to.Set(reflect.MakeMap(to.Type()))
	}
	for _, key := range sortedKeys(object) {
		at := reflect.ValueOf(key).Convert(to.Type().Key())
		element := reflect.New(to.Type().Elem()).Elem()
		if existing := to.MapIndex(at); existing.IsValid() {
			element.Set(existing)
		}
		d.decode(object[key], element, joinPath(path, key))
		to.SetMapIndex(at, element)
	}
}

func (d *decoder) decodeList(value any, to reflect.Value, path string) {
	if text, ok := value.(string); ok && isBytes(to.Type()) {
		d.decodeBytes(text, to, path)
		return
	}
	items, ok := value.([]any)
	if !ok {
		d.addMismatch("a list", value, path)
		return
	}
	if to.Kind() == reflect.Slice {
		to.Set(reflect.MakeSlice(to.Type(), len(items), len(items)))
	} else if len(items) != to.Len() {
		d.addText(path, fmt.Sprintf("a list of %d is needed, not of %d", to.Len(), len(items)))
		return
	}
	for i, item := range items {
		at := joinPath(path, strconv.Itoa(i))
		if item == nil && !nullable(to.Index(i).Kind()) {
			d.addText(at, "null has no place in this list; take it out")
			continue
		}
		d.decode(item, to.Index(i), at)
	}
}

func nullable(k reflect.Kind) bool {
	return k == reflect.Pointer || k == reflect.Interface || k == reflect.Map || k == reflect.Slice
}

// decodeBytes reads bytes from base64, as encoding/json does.
func (d *decoder) decodeBytes(text string, to reflect.Value, path string) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	switch {
	case err != nil:
		d.addText(path, `bytes are needed, as text in base64 such as "aGk=", without a tag`)
	case to.Kind() == reflect.Slice:
		to.SetBytes(raw)
	case len(raw) != to.Len():
		d.addText(path, fmt.Sprintf("%d bytes are needed, not %d", to.Len(), len(raw)))
	default:
		reflect.Copy(to, reflect.ValueOf(raw))
	}
}

func (d *decoder) decodeScalar(value any, to reflect.Value, path string) {
	switch kind := to.Kind(); {
	case to.Type() == durationType:
		d.decodeDuration(value, to, path)
	case kind == reflect.String:
		if text, ok := value.(string); ok {
			to.SetString(text)
		} else {
			d.addMismatch("text", value, path)
		}
	case kind == reflect.Bool:
		if yes, ok := value.(bool); ok {
			to.SetBool(yes)
		} else {
			d.addMismatch("true or false", value, path)
		}
	case kind >= reflect.Int && kind <= reflect.Float64:
		n, ok := numberOf(value)
		if needed := "a number"; !ok {
			d.addMismatch(needed, value, path)
		} else if needed = n.setTo(to); needed != "" {
			d.addMismatch(needed, value, path)
		}
	case kind == reflect.Interface && to.NumMethod() == 0:
		if hasNaN(value) { // NaN is unequal to itself, so it would seem to change at every reload
			d.addMismatch("a number", value, path)
			return
		}
		to.Set(reflect.ValueOf(deepCopy(value)))
	default:
		d.addText(path, fmt.Sprintf("a %s cannot be set", to.Type()))
	}
}

func (d *decoder) decodeDuration(value any, to reflect.Value, path string) {
	const what = `a duration such as "1s"`
	text, ok := value.(string)
	if n, isNumber := numberOf(value); isNumber && n == "0" {
		text, ok = "0", true
	}
	if !ok {
		d.addMismatch(what, value, path)
		return
	}
	span, err := time.ParseDuration(text)
	if err != nil {
		d.addMismatch(what, value, path)
		return
	}
	to.SetInt(int64(span))
}

func namesOf(fields []jsonfields.Field) string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func sortedKeys(object map[string]any) []string { return slices.Sorted(maps.Keys(object)) }
