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

	"github.com/sinew-go/sinew/internal/jsonfields"
)

var durationType = reflect.TypeFor[time.Duration]()

// Marshal returns v, a struct, as a JSON object. Fields of type time.Duration become
// strings such as "1s"; encoding/json decides about all others.
func Marshal(v any) ([]byte, error) {
	rv := reflect.Indirect(reflect.ValueOf(v))
	fields := map[string]any{}
	for _, field := range jsonfields.Of(rv.Type()) {
		f, ok := field.Get(rv)
		switch {
		case !ok || field.Optional && f.IsZero():
		case f.Type() == durationType:
			fields[field.Name] = time.Duration(f.Int()).String()
		default:
			fields[field.Name] = f.Interface()
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
	fields := map[string]jsonfields.Field{}
	for _, f := range jsonfields.Of(target.Type()) {
		fields[f.Name] = f
	}
	next := reflect.New(target.Type()).Elem()
	next.Set(target)
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		field, ok := fields[key]
		if !ok {
			faults = append(faults, fmt.Errorf("no setting is named %q; there are %s", key, strings.Join(slices.Sorted(maps.Keys(fields)), ", ")))
			continue
		}
		if f, ok := field.Set(next); !ok {
			faults = append(faults, fmt.Errorf("%s: it is in an embedded type that is not exported, and cannot be set", key))
		} else if err := setField(f, raw[key]); err != nil {
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
