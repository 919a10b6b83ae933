package bubble_test

import (
	"testing"
	"testing/synctest"

	"github.com/sinew-go/sinew/internal/bubble"
)

func TestOnlyGoroutinesOfTheBubbleAreCounted(t *testing.T) {
	outside := make(chan struct{})
	go func() { <-outside }()
	defer close(outside)
	synctest.Test(t, func(t *testing.T) {
		before := bubble.Goroutines()
		if before == 0 {
			t.Fatal("the test itself is not counted")
		}
		inside := make(chan struct{})
		go func() { <-inside }()
		synctest.Wait()
		if n := bubble.Goroutines(); n != before+1 {
			t.Errorf("%d with one more than %d", n, before)
		}
		close(inside)
		synctest.Wait()
		if n := bubble.Goroutines(); n != before {
			t.Errorf("%d after its end, %d before", n, before)
		}
	})
}
