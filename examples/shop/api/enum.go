package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// parse reads one of an enum's values.
func parse[E ~string](into *E, text []byte, kind string, values []string) error {
	if !slices.Contains(values, string(text)) {
		return fmt.Errorf("%q is no %s; there are %s", shortened(string(text)), kind, strings.Join(values, ", "))
	}
	*into = E(text)
	return nil
}

// encode writes an enum's value; one that is not set is null.
func encode[E ~string](value E) ([]byte, error) {
	if value == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(value))
}
