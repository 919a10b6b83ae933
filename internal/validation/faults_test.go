package validation_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/validation"
)

type refusing struct{ err error }

func (r refusing) Validate() error { return r.err }

func TestARefusalListsTheFirstOfManyFaults(t *testing.T) {
	var many []error
	for n := range 350_000 {
		many = append(many, fmt.Errorf("items[%d].sku is required, and so is its name", n))
	}
	long := errors.New(strings.Repeat("x", 1<<20))
	lines := errors.New(strings.Repeat("it is wrong\n", 100_000))
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"one":    {errors.New("a is wrong"), "a is wrong"},
		"two":    {errors.Join(errors.New("a is wrong"), errors.New("b is wrong")), "a is wrong; b is wrong"},
		"nested": {errors.Join(errors.New("a is wrong"), errors.Join(errors.New("b is wrong"), errors.New("c is wrong"))), "a is wrong; b is wrong; c is wrong"},
		"many":   {errors.Join(many...), "and 349980 more"},
		"tree":   {errors.Join(errors.Join(many...), errors.Join(many...)), "and 699980 more"},
		"long":   {long, "xxx…"},
		"lines":  {lines, "it is wrong; it is wrong; "},
		"joined": {errors.Join(long, long), "…; xxx"},
		"told":   {fmt.Errorf("order: %w and %w", errors.New("a"), errors.New("b")), "order: a and b"},
	} {
		err := validation.Of(refusing{tt.err})
		if text := fault.ProblemOf(err).Detail; !errors.Is(err, fault.InvalidArgument) || !strings.Contains(text, tt.want) || len(text) > 6000 {
			t.Errorf("%s: %d bytes: %.200s", name, len(text), text)
		}
	}
}
