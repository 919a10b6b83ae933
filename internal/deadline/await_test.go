package deadline_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sinew-go/sinew/internal/deadline"
)

func TestWhatIsDoneIsDoneWhateverTheContextSays(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan struct{})
	if err := deadline.Await(ended, done); !errors.Is(err, context.Canceled) {
		t.Errorf("what is not done: %v", err)
	}
	close(done)
	for range 100 { // a select with both would choose at random
		if err := deadline.Await(ended, done); err != nil {
			t.Fatalf("what is done: %v", err)
		}
	}
}
