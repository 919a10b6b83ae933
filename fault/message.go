package fault

import (
	"fmt"
	"slices"
	"strings"
)

// placeholder replaces an argument of [Code.Errorf] and formats as nothing. It is an
// error, so that fmt reports which arguments belong to %w. Searching the text for the
// cause could not tell, since another argument may have the same text.
type placeholder int

// Error implements error.
func (placeholder) Error() string { return "" }

// Format implements [fmt.Formatter].
func (placeholder) Format(fmt.State, rune) {}

// hasWrapVerb reports whether a verb of format is %w, with any flags and index.
func hasWrapVerb(format string) bool {
	for {
		_, verb, found := strings.Cut(format, "%")
		if verb = strings.TrimLeft(verb, "+-# 0123456789.*[]"); !found || verb == "" {
			return false
		}
		if verb[0] == 'w' {
			return true
		}
		format = verb[1:]
	}
}

// messageOf returns the text of an Error without the arguments of %w.
func messageOf(format string, args []any) string {
	placeholders, shown := make([]any, len(args)), slices.Clone(args)
	for i := range placeholders {
		placeholders[i] = placeholder(i)
	}
	switch w := fmt.Errorf(format, placeholders...).(type) { //nolint:errorlint // made on this line, so not wrapped
	case interface{ Unwrap() error }:
		hide(shown, w.Unwrap())
	case interface{ Unwrap() []error }:
		hide(shown, w.Unwrap()...)
	}
	format = strings.ReplaceAll(format, ": %w", "%w")
	if rest, ok := strings.CutPrefix(format, "%w: "); ok {
		format = "%w" + rest
	}
	return fmt.Errorf(format, shown...).Error()
}

func hide(args []any, operands ...error) {
	for _, o := range operands {
		if o, ok := o.(placeholder); ok { //nolint:errorlint // fmt wraps what it was given
			args[o] = o
		}
	}
}
