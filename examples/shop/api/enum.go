package api

import (
	"fmt"
	"slices"
	"strings"
)

// parse reads one of an enum's values. "" is a value that is not set.
func parse[E ~string](into *E, text []byte, kind string, values []string) error {
	if len(text) > 0 && !slices.Contains(values, string(text)) {
		return fmt.Errorf("%q is no %s; there are %s", text, kind, strings.Join(values, ", "))
	}
	*into = E(text)
	return nil
}
