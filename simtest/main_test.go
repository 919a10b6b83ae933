package simtest_test

import (
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

// A world runs one goroutine at a time for most of its time, and several processors cost
// more than they bring: waking one another takes 40 % of the time of a storm. With the
// race detector all are used, since what runs side by side is what it looks at.
func TestMain(m *testing.M) {
	if !raced {
		runtime.GOMAXPROCS(1)
	}
	goleak.VerifyTestMain(m)
}
