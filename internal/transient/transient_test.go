package transient_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/transient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	ctx := context.Background()
	fmt.Println(transient.Is(ctx, fault.Unavailable.Errorf("the provider restarts")))
	fmt.Println(transient.Is(ctx, fault.FailedPrecondition.Errorf("the card is declined")))
	// Output:
	// true
	// false
}

func TestFailuresAndRefusalsWithRetryAfterMayPass(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("boom"), true},
		{fault.Internal, true},
		{fault.DataLoss, false},
		{fault.InvalidArgument, false},
		{fault.ResourceExhausted, false},
		{fault.ResourceExhausted.Errorf("too many").WithRetryAfter(time.Second), true},
		{fault.Unavailable.Errorf("no").WithRepeated(), true},
	} {
		if got := transient.Is(t.Context(), c.err); got != c.want {
			t.Errorf("%v: it may pass is %v, want %v", c.err, got, c.want)
		}
	}
}
