package plain_test

import (
	"strings"
	"testing"

	"github.com/sinew-go/sinew/internal/plain"
)

func TestShortPrintableASCIIAloneMayTravel(t *testing.T) {
	for text, travels := range map[string]bool{
		"a b~": true, strings.Repeat("x", plain.MaxText): true, strings.Repeat("x", plain.MaxText+1): false,
		"tab\t": false, "\x7f": false, "ünicode": false, "\xff": false,
	} {
		if got := plain.Text(text); (got == text) != travels || !travels && got != "" {
			t.Errorf("%q: %q", text, got)
		}
	}
}
