package headertext_test

import (
	"strings"
	"testing"

	"github.com/sinew-go/sinew/internal/headertext"
)

func TestOnlyShortPrintableASCIIIsAllowed(t *testing.T) {
	for _, c := range []struct {
		text    string
		travels bool
	}{
		{text: "a b~", travels: true},
		{text: strings.Repeat("x", headertext.MaxLen), travels: true},
		{text: strings.Repeat("x", headertext.MaxLen+1), travels: false},
		{text: "tab\t", travels: false},
		{text: "\x7f", travels: false},
		{text: "ünicode", travels: false},
		{text: "\xff", travels: false},
	} {
		if got := headertext.OrEmpty(c.text); (got == c.text) != c.travels || !c.travels && got != "" {
			t.Errorf("%q: %q", c.text, got)
		}
	}
}
