// Package duration reads and writes a policy struct as JSON, with durations as strings
// such as "1.5s".
package duration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

var durationType = reflect.TypeFor[time.Duration]()

// Marshal returns v, a struct, as a JSON object. Fields of type time.Duration become
// strings such as "1s"; encoding/json decides about all others.
func Marshal(v any) ([]byte, error) {
	rv := reflect.Indirect(reflect.ValueOf(v))
	fields := map[string]any{}
	for name, i := range fieldIndexes(rv.Type()) {
		f := rv.Field(i)
		if omitsZero(rv.Type().Field(i)) && f.IsZero() {
			continue
		}
		if f.Type() == durationType {
			fields[name] = time.Duration(f.Int()).String()
		} else {
			fields[name] = f.Interface()
		}
	}
	return json.Marshal(fields)
}

// Unmarshal reads a JSON object into v, a pointer to a struct. A duration is a string
// such as "1s", or 0: any other number has no unit. A key that is no field, or that
// occurs twice, is refused. Fields without a key keep their value. On an error v is
// unchanged.
func Unmarshal(data []byte, v any) error {
	target := reflect.ValueOf(v).Elem()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("a JSON object is needed: %w", err)
	}
	if key, ok := duplicateKey(data); ok {
		return fmt.Errorf("the setting %q is there twice; one of the two would be lost", key)
	}
	fields := fieldIndexes(target.Type())
	next := reflect.New(target.Type()).Elem()
	next.Set(target)
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		i, ok := fields[key]
		if !ok {
			faults = append(faults, fmt.Errorf("no setting is named %q; there are %s", key, strings.Join(slices.Sorted(maps.Keys(fields)), ", ")))
			continue
		}
		if err := setField(next.Field(i), raw[key]); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", key, err))
		}
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	target.Set(next)
	return nil
}

// duplicateKey returns a key that data, a JSON object, has twice.
func duplicateKey(data []byte) (key string, ok bool) {
	d := json.NewDecoder(bytes.NewReader(data))
	seen := map[string]bool{}
	_, _ = d.Token() // the opening brace; data has been decoded before, without an error
	for d.More() {
		token, _ := d.Token()
		key, _ = token.(string)
		if seen[key] {
			return key, true
		}
		seen[key] = true
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return "", false
		}
	}
	return "", false
}

func setField(f reflect.Value, value json.RawMessage) error {
	if f.Type() != durationType {
		return json.Unmarshal(value, f.Addr().Interface())
	}
	d, err := parseDuration(value)
	f.SetInt(int64(d))
	return err
}

func parseDuration(value json.RawMessage) (time.Duration, error) {
	var text string
	if string(value) == "0" {
		return 0, nil
	}
	if json.Unmarshal(value, &text) == nil {
		if d, err := time.ParseDuration(text); err == nil {
			return d, nil
		}
	}
	return 0, fmt.Errorf(`a duration such as "1s" is needed, not %s`, value)
}

func fieldIndexes(t reflect.Type) map[string]int {
	fields := map[string]int{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields[name] = i
	}
	return fields
}

func omitsZero(f reflect.StructField) bool {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return slices.Contains(strings.Split(options, ","), "omitempty") || slices.Contains(strings.Split(options, ","), "omitzero")
}
