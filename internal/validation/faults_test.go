package validation_test

import (
	"errors"
	"fmt"
	"slices"
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

func TestEachJoinedErrorIsAViolation(t *testing.T) {
	quantity := fault.Violation{Pointer: "/quantity", Detail: "it must be at least 1"}
	limit := fault.Violation{Parameter: "limit", In: "query", Detail: "it must be at most 100"}
	for name, tt := range map[string]struct {
		err     error
		want    []fault.Violation
		message string
	}{
		"one":     {quantity, []fault.Violation{quantity}, "quantity: it must be at least 1"},
		"joined":  {errors.Join(quantity, errors.Join(limit)), []fault.Violation{quantity, limit}, "quantity: it must be at least 1; query parameter limit: it must be at most 100"},
		"a text":  {errors.New("it ends before it starts"), []fault.Violation{{Detail: "it ends before it starts"}}, "it ends before it starts"},
		"both":    {errors.Join(errors.New("no"), limit), []fault.Violation{{Detail: "no"}, limit}, "no; query parameter limit: it must be at most 100"},
		"wrapped": {fmt.Errorf("first line: %w", quantity), []fault.Violation{quantity}, "first line: quantity: it must be at least 1"},
		"lines":   {errors.New("a\nb"), []fault.Violation{{Detail: "a"}, {Detail: "b"}}, "a; b"},
	} {
		err, ok := errors.AsType[*fault.Error](validation.Of(refusing{tt.err}))
		if !ok || !slices.Equal(err.Violations, tt.want) || err.Message != tt.message {
			t.Errorf("%s: %+v, want %+v and the message %q", name, err, tt.want, tt.message)
		}
	}
}

func TestAnErrorOfAValidateWithItsOwnClassStaysAsItIs(t *testing.T) {
	own := fault.NotFound.Errorf("no product has this id")
	for _, err := range []error{own, fmt.Errorf("product: %w", own), errors.Join(fault.Violation{Pointer: "/a"}, own)} {
		if got := validation.Of(refusing{err}); got != err { //nolint:errorlint // it is that very error
			t.Errorf("%v became %v", err, got)
		}
	}
}

func TestASearchThatEndedEarlySaysSo(t *testing.T) {
	var all validation.Faults
	for range 20 {
		if all.IsFull() {
			t.Error("it is full before it has 20 faults")
		}
		all.Add(fault.Violation{Detail: "no"})
	}
	all.Break()
	if text := all.Err().Error(); !all.IsFull() || all.Len() != 20 || !strings.HasSuffix(text, "no; and more") {
		t.Errorf("%d faults, full %v: %s", all.Len(), all.IsFull(), text)
	}
}
