package api

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/sinew-go/sinew/fault"
)

// MostPieces is the largest number of pieces in the shop: of one product in stock, on
// order, or in a basket. Sums of such numbers cannot overflow an int.
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

func required(text, name string) condition {
	return condition{text != "", name + " is required"}
}

// nonBlank requires more than blanks.
func nonBlank(text, name string) condition { return required(strings.TrimSpace(text), name) }

// inRange requires a number of pieces from least to MostPieces.
func inRange(n, least int, name string) condition {
	return condition{n >= least && n <= MostPieces, fmt.Sprintf("%s must be from %d to %d", name, least, MostPieces)}
}

// quantity requires a number of pieces that is set.
func quantity(n *int, least int) condition {
	if n == nil {
		return required("", "quantity")
	}
	return inRange(*n, least, "quantity")
}

func nonNegative(x float64, name string) condition {
	return condition{x >= 0, name + " must not be negative"}
}

// validPrice requires a price that is set and not negative.
func validPrice(price *Money, name string) condition {
	if price == nil {
		return required("", name)
	}
	return condition{*price >= 0, name + " must not be negative"}
}

// idPattern is the form of every ID.
var idPattern = regexp.MustCompile(`^[0-9A-Za-z-]{1,100}$`)

// validIDs returns fault.NotFound if one of the IDs does not have the form of an ID, so
// no service needs to be called. Other faults of a request are reported first.
func validIDs(ids ...string) error {
	for _, id := range ids {
		if !idPattern.MatchString(id) {
			return fault.NotFound.Errorf("nothing has the id %q", truncated(id))
		}
	}
	return nil
}

func truncated(text string) string {
	const most = 100
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
