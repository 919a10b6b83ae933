package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// A tree is the content of a source: maps, lists and scalars, as a parser returns them.

// maxDepth limits the nesting of objects and lists. Settings need a few levels, and each
// level costs time in merging and comparing.
const maxDepth = 100

var errDeep = fmt.Errorf("objects and lists are nested more than %d deep", maxDepth)

// tooDeep reports whether value is nested more than levels deep.
func tooDeep(value any, levels int) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			if levels == 0 || tooDeep(inner, levels-1) {
				return true
			}
		}
	case map[any]any: // from YAML, before its keys become strings
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

// stringKeys returns value with strings for all keys, because keys in YAML may also be
// numbers, booleans or dates. Two keys with the same text are refused.
func stringKeys(value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		return renameKeys(v)
	case map[any]any:
		return renameKeys(v)
	case []any:
		for i, inner := range v {
			named, err := stringKeys(inner)
			if err != nil {
				return nil, err
			}
			v[i] = named
		}
	}
	return value, nil
}

func renameKeys[K comparable](object map[K]any) (any, error) {
	if object == nil {
		return nil, nil
	}
	names := make(map[string]any, len(object))
	for key, inner := range object {
		name := fmt.Sprint(key)
		if _, twice := names[name]; twice {
			return nil, &duplicateKeyError{name}
		}
		named, err := stringKeys(inner)
		if err != nil {
			return nil, err
		}
		names[name] = named
	}
	return names, nil
}

// deepCopy copies value with all its lists and objects.
func deepCopy(value any) any {
	switch v := value.(type) {
	case []any:
		clone := make([]any, len(v))
		for i, inner := range v {
			clone[i] = deepCopy(inner)
		}
		return clone
	case map[string]any:
		clone := make(map[string]any, len(v))
		for key, inner := range v {
			clone[key] = deepCopy(inner)
		}
		return clone
	}
	return value
}

// unreadable replaces a value that cannot be read, in a tree. It is the reason, without a
// quote of the value.
type unreadable string

// parseJSON decodes JSON. Numbers stay text: a float64 would lose the last digits of a
// long id. A duplicate key is refused, because one of the two values would be lost
// silently.
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
	return parseValue(d, maxDepth)
}

// duplicateKeyError is the error for a key that an object has twice.
type duplicateKeyError struct{ path string }

// Error implements error.
func (e *duplicateKeyError) Error() string {
	return fmt.Sprintf("key %q is there twice; one of the two would be lost", truncated(e.path))
}

// parseValue decodes the next value of d, which is well-formed.
func parseValue(d *json.Decoder, levels int) (any, error) {
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
			key, _ = name.(string) // a key is always a string
			if _, twice := object[key]; twice {
				return nil, &duplicateKeyError{key}
			}
		}
		value, err := parseValue(d, levels-1)
		if twice, ok := errors.AsType[*duplicateKeyError](err); ok {
			if open == '[' {
				key = strconv.Itoa(len(list))
			}
			twice.path = joinPath(key, twice.path)
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
	if _, err := d.Token(); err != nil { // the closing delimiter
		return nil, err
	}
	if open == '{' {
		return object, nil
	}
	return list, nil
}
