package simtest_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"
)

// A world runs one goroutine at a time for most of its time, and several processors cost
// more than they bring: waking one another takes 40 % of the time of a storm. With the
// race detector all are used, since what runs side by side is what it looks at.
//
// A world is played once and keeps little, so that a larger heap saves a sixth of the time,
// where there is room for it.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(3 << 30)
	if !raced {
		runtime.GOMAXPROCS(1)
	}
	goleak.VerifyTestMain(m)
}

// skipIfRaced is for a test of the statistics of many calls in worlds that other tests
// play too: the race detector finds nothing new there, and takes minutes.
func skipIfRaced(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("the figures are checked without the race detector")
	}
}
