package config

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/jsonfields"
)

// decoder writes a tree into settings and collects what does not fit. Its own messages
// never quote a value.
type decoder struct {
	flaws []flaw
}

// Limits of an error: of a file that is not meant for the settings, or of a very long
// key, a few faults are enough.
const (
	maxFlaws = 20
	maxKey   = 200 // bytes
)

type flaw struct {
	path, text string
	quotes     bool // text comes from another package and may quote the value
}

// err returns all flaws as one error that names their origin.
func (d *decoder) err(p part) error {
	if len(d.flaws) == 0 {
		return nil
	}
	var texts []string
	for i, f := range d.flaws {
		if i == maxFlaws {
			texts = append(texts, fmt.Sprintf("and %d more", len(d.flaws)-i))
			break
		}
		if secretPath := strings.Join(p.path, "."); p.secret && strings.HasPrefix(f.path, secretPath+".") {
			f = flaw{path: secretPath, text: "a part of the secret does not fit"}
		}
		if p.secret && f.quotes {
			f.text = "its type refuses the secret"
		}
		texts = append(texts, fmt.Sprintf("key %q: %s", truncated(f.path), f.text))
	}
	return fault.InvalidArgument.Errorf("%s: %s", p.origin, strings.Join(texts, "; "))
}

// truncated returns a key as an error quotes it.
func truncated(key string) string {
	if len(key) <= maxKey {
		return key
	}
	return strings.ToValidUTF8(key[:maxKey], "") + "…"
}

func (d *decoder) addMismatch(what string, value any, path string) {
	d.flaws = append(d.flaws, flaw{path: path, text: fmt.Sprintf("%s is needed, not %s", what, kindOf(value))})
}

func (d *decoder) decode(value any, to reflect.Value, path string) {
	if value == nil {
		return
	}
	if why, ok := value.(unreadable); ok {
		d.flaws = append(d.flaws, flaw{path: path, text: string(why), quotes: true})
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

func (d *decoder) addOwnError(err error, path string) {
	if err != nil {
		d.flaws = append(d.flaws, flaw{path: path, text: err.Error(), quotes: true})
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
			d.flaws = append(d.flaws, f)
			continue
		}
		setting, ok := fields[i].Set(to)
		if !ok || !setting.CanSet() {
			d.flaws = append(d.flaws, flaw{path: joinPath(path, key), text: "it belongs to an embedded type that is not exported, and cannot be set"})
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
		d.flaws = append(d.flaws, flaw{path: path, text: "its map has keys that are no strings, and cannot be set"})
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
		d.flaws = append(d.flaws, flaw{path: path, text: fmt.Sprintf("a list of %d is needed, not of %d", to.Len(), len(items))})
		return
	}
	for i, item := range items {
		at := joinPath(path, strconv.Itoa(i))
		if item == nil && !nullable(to.Index(i).Kind()) {
			d.flaws = append(d.flaws, flaw{path: at, text: "null has no place in this list; take it out"})
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
		d.flaws = append(d.flaws, flaw{path: path, text: `bytes are needed, as text in base64 such as "aGk=", without a tag`})
	case to.Kind() == reflect.Slice:
		to.SetBytes(raw)
	case len(raw) != to.Len():
		d.flaws = append(d.flaws, flaw{path: path, text: fmt.Sprintf("%d bytes are needed, not %d", to.Len(), len(raw))})
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
		d.decodeNumber(value, to, path)
	case kind == reflect.Interface && to.NumMethod() == 0:
		if hasNaN(value) { // NaN is unequal to itself, so it would seem to change at every reload
			d.addMismatch("a number", value, path)
			return
		}
		to.Set(reflect.ValueOf(deepCopy(value)))
	default:
		d.flaws = append(d.flaws, flaw{path: path, text: fmt.Sprintf("a %s cannot be set", to.Type())})
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

func (d *decoder) decodeNumber(value any, to reflect.Value, path string) {
	text, ok := numberOf(value)
	if !ok {
		d.addMismatch("a number", value, path)
		return
	}
	whole := text
	f, err := strconv.ParseFloat(text, 64)
	if err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		whole = strconv.FormatFloat(f, 'f', -1, 64) // 1e3 and 2.0 are whole numbers too
	}
	switch bits := to.Type().Bits(); {
	case to.CanInt():
		if n, err := strconv.ParseInt(whole, 10, bits); err == nil {
			to.SetInt(n)
			return
		}
		d.addMismatch(fmt.Sprintf("a whole number of %d bits", bits), value, path)
	case to.CanUint():
		if n, err := strconv.ParseUint(whole, 10, bits); err == nil {
			to.SetUint(n)
			return
		}
		d.addMismatch(fmt.Sprintf("a whole number from 0 of %d bits", bits), value, path)
	case err != nil || to.OverflowFloat(f) || math.IsNaN(f) || math.IsInf(f, 0):
		d.addMismatch(fmt.Sprintf("a number of %d bits", bits), value, path)
	default:
		to.SetFloat(f)
	}
}

// numberOf returns the text of a number, of any type that the parsers produce.
func numberOf(value any) (string, bool) {
	switch n := value.(type) {
	case json.Number:
		return n.String(), true
	case int, int64, uint64:
		return fmt.Sprint(n), true
	case float64:
		return strconv.FormatFloat(n, 'g', -1, 64), true
	}
	return "", false
}

func hasNaN(value any) bool {
	switch v := value.(type) {
	case float64:
		return math.IsNaN(v)
	case []any:
		return slices.ContainsFunc(v, hasNaN)
	case map[string]any:
		for _, inner := range v {
			if hasNaN(inner) {
				return true
			}
		}
	}
	return false
}

func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "this text"
	case bool:
		return "true or false"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case time.Time:
		return "a date (quote it)"
	}
	if _, ok := numberOf(value); ok {
		return "this number"
	}
	return fmt.Sprintf("a %T", value)
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func namesOf(fields []jsonfields.Field) string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func sortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
