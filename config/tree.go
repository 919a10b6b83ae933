package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// A tree is what a source says: maps, lists and scalars, as a parser makes them.

// maxDepth is how deep objects and lists may be nested. Settings need a few
// levels; merging and comparing takes longer with each.
const maxDepth = 100

var errDeep = fmt.Errorf("objects and lists are nested more than %d deep", maxDepth)

// tooDeep says that value is nested more than levels deep.
func tooDeep(value any, levels int) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			if levels == 0 || tooDeep(inner, levels-1) {
				return true
			}
		}
	case map[any]any: // of YAML, before its keys are made strings
		for _, inner := range v {
			if levels == 0 || tooDeep(inner, levels-1) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if levels == 0 || tooDeep(inner, levels-1) {
				return true
			}
		}
	}
	return false
}

// withNames is value with text for all keys: those of YAML may be numbers and
// others. Two that read the same are refused.
func withNames(value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		return renamed(v)
	case map[any]any:
		return renamed(v)
	case []any:
		for i, inner := range v {
			named, err := withNames(inner)
			if err != nil {
				return nil, err
			}
			v[i] = named
		}
	}
	return value, nil
}

func renamed[K comparable](object map[K]any) (any, error) {
	if object == nil {
		return nil, nil
	}
	names := make(map[string]any, len(object))
	for key, inner := range object {
		name := fmt.Sprint(key)
		if _, there := names[name]; there {
			return nil, &twiceError{name}
		}
		named, err := withNames(inner)
		if err != nil {
			return nil, err
		}
		names[name] = named
	}
	return names, nil
}

// unreadable stands in a tree for a value that cannot be read, and says why. It
// quotes nothing.
type unreadable string

// parseJSON keeps numbers as they are written: a float64 would lose the last
// digits of a long id. A key that an object has twice is refused, since one of
// the two would be dropped without a word.
func parseJSON(data []byte) (tree any, err error) {
	var whole json.RawMessage
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&whole); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	d = json.NewDecoder(bytes.NewReader(whole))
	d.UseNumber()
	return branch(d, maxDepth)
}

// twiceError is a key that its object has twice.
type twiceError struct{ path string }

// Error implements error.
func (e *twiceError) Error() string {
	return fmt.Sprintf("key %q is there twice; one of the two would be lost", shortened(e.path))
}

// branch is the next value of d, which is well-formed.
func branch(d *json.Decoder, levels int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if levels < 0 {
		return nil, errDeep
	}
	object, list := map[string]any{}, []any{}
	for d.More() {
		key := ""
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			key, _ = name.(string) // else it were no JSON
			if _, there := object[key]; there {
				return nil, &twiceError{key}
			}
		}
		value, err := branch(d, levels-1)
		if twice, ok := errors.AsType[*twiceError](err); ok {
			if open == '[' {
				key = strconv.Itoa(len(list))
			}
			twice.path = below(key, twice.path)
		}
		if err != nil {
			return nil, err
		}
		if open == '{' {
			object[key] = value
		} else {
			list = append(list, value)
		}
	}
	if _, err := d.Token(); err != nil { // the end of it
		return nil, err
	}
	if open == '{' {
		return object, nil
	}
	return list, nil
}
