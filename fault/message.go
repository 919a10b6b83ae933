package fault

import (
	"fmt"
	"slices"
	"strings"
)

// operand stands in for an argument of [Code.Errorf] and shows nothing. It is an
// error, so that fmt tells which arguments are there for %w: no search of the
// text could, since another argument may read the same as a cause.
type operand int

// Error implements error.
func (operand) Error() string { return "" }

// Format implements [fmt.Formatter].
func (operand) Format(fmt.State, rune) {}

// wraps says that some verb of format is %w, whatever its flags and index.
func wraps(format string) bool {
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

// message is the text of an Error without what was given for %w.
func message(format string, args []any) string {
	stands, shown := make([]any, len(args)), slices.Clone(args)
	for i := range stands {
		stands[i] = operand(i)
	}
	switch w := fmt.Errorf(format, stands...).(type) { //nolint:errorlint // it is what is made here
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
		if o, ok := o.(operand); ok { //nolint:errorlint // fmt wraps what it was given
			args[o] = o
		}
	}
}
