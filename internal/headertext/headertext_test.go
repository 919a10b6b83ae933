package headertext_test

import (
	"strings"
	"testing"

	"github.com/sinew-go/sinew/internal/headertext"
)

func TestOnlyShortPrintableASCIIIsAllowed(t *testing.T) {
	for text, travels := range map[string]bool{
		"a b~": true, strings.Repeat("x", headertext.MaxLen): true, strings.Repeat("x", headertext.MaxLen+1): false,
		"tab\t": false, "\x7f": false, "ünicode": false, "\xff": false,
	} {
		if got := headertext.OrEmpty(text); (got == text) != travels || !travels && got != "" {
			t.Errorf("%q: %q", text, got)
		}
	}
}
