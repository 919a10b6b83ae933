package deadline_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/internal/deadline"
)

func TestACalleeGetsALittleLessThanItsCallerHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		left := time.Duration(rapid.Int64Range(20, int64(time.Hour)).Draw(t, "left"))
		got := deadline.ForCallee(left)
		if got >= left || got < left*95/100-1 || left-got > 100*time.Millisecond {
			t.Fatalf("%s of %s", got, left)
		}
	})
}
