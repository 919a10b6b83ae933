package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// parse reads a value of an enum.
func parse[E ~string](into *E, text []byte, kind string, values []string) error {
	if !slices.Contains(values, string(text)) {
		return fmt.Errorf("%q is no %s; there are %s", truncated(string(text)), kind, strings.Join(values, ", "))
	}
	*into = E(text)
	return nil
}

// encode writes a value of an enum; an empty value is null.
func encode[E ~string](value E) ([]byte, error) {
	if value == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(value))
}
