package api

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/sinew-go/sinew/fault"
)

// MostPieces is the most of anything that the shop counts: of one product in
// stock, on order, or in a basket. Sums of it stay far from the largest int.
const MostPieces = 1_000_000_000

// require joins the sentences of all conditions that do not hold.
func require(conditions ...condition) error {
	var faults []error
	for _, c := range conditions {
		if !c.holds {
			faults = append(faults, errors.New(c.sentence))
		}
	}
	return errors.Join(faults...)
}

type condition struct {
	holds    bool
	sentence string
}

func given(text, name string) condition {
	return condition{text != "", name + " is required"}
}

// named wants more than blanks.
func named(text, name string) condition { return given(strings.TrimSpace(text), name) }

// counted wants a number of pieces from least up.
func counted(n, least int, name string) condition {
	return condition{n >= least && n <= MostPieces, fmt.Sprintf("%s must be from %d to %d", name, least, MostPieces)}
}

// quantity wants a number of pieces that is there.
func quantity(n *int, least int) condition {
	if n == nil {
		return given("", "quantity")
	}
	return counted(*n, least, "quantity")
}

func measured(x float64, name string) condition {
	return condition{x >= 0, name + " must not be negative"}
}

// priced wants a price that is there.
func priced(price *Money, name string) condition {
	if price == nil {
		return given("", name)
	}
	return condition{*price >= 0, name + " must not be negative"}
}

// possible is how an id looks.
var possible = regexp.MustCompile(`^[0-9A-Za-z-]{1,100}$`)

// exists is fault.NotFound when one of the ids is not even possible: nobody has
// to be asked for that. What else is wrong with a request goes before it.
func exists(ids ...string) error {
	for _, id := range ids {
		if !possible.MatchString(id) {
			return fault.NotFound.Errorf("nothing has the id %q", shortened(id))
		}
	}
	return nil
}

func shortened(text string) string {
	const most = 100
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
