package fault_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
)

func TestALongMessageLeavesTheProcessTruncated(t *testing.T) {
	err := fault.InvalidArgument.Errorf("%s", strings.Repeat("é", 1<<20))
	if p := fault.ProblemOf(err); len(p.Detail) > 5000 || !utf8.ValidString(p.Detail) || !strings.HasSuffix(p.Detail, "é…") {
		t.Errorf("%d bytes", len(p.Detail))
	}
	if p := fault.ProblemOf(fault.InvalidArgument.Errorf("short")); p.Detail != "short" {
		t.Error(p.Detail)
	}
}
