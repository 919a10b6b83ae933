package ellipsis_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/internal/ellipsis"
)

func ExampleCut() {
	fmt.Println(ellipsis.Cut("short", 5), ellipsis.Cut("häppchenweise", 2))
	// Output: short h…
}

func TestACutTextIsABoundedBeginning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, limit := rapid.String().Draw(t, "text"), rapid.IntRange(0, 40).Draw(t, "limit")
		got := ellipsis.Cut(text, limit)
		if len(text) <= limit {
			if got != text {
				t.Fatalf("%q is short enough, and became %q", text, got)
			}
			return
		}
		begin, ok := strings.CutSuffix(got, "…")
		if !ok || len(begin) > limit || !strings.HasPrefix(text, begin) || !utf8.ValidString(got) {
			t.Fatalf("%q became %q", text, got)
		}
	})
}
