package fault_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/sinew-go/sinew/fault"
)

// overTheWire returns err as it is after a hop.
func overTheWire(t *testing.T, err error) *fault.Error {
	t.Helper()
	text, failed := json.Marshal(fault.ProblemOf(err))
	var p fault.Problem
	if failed == nil {
		failed = json.Unmarshal(text, &p)
	}
	if failed != nil {
		t.Fatal(failed)
	}
	return p.Err()
}

func TestTheFailedServiceIsNamedOverAllHops(t *testing.T) {
	own := overTheWire(t, fault.Unavailable.Errorf("the disk is full")) // stock answers orders
	if own.Service != "" || relays(own) {
		t.Fatalf("its own failure came as %+v", own)
	}
	blamed := fault.WithService(own, "stock") // by the client in orders
	var f *fault.Error
	if !errors.As(blamed, &f) || f.Service != "stock" || relays(blamed) {
		t.Fatalf("blamed: %+v", f)
	}
	passed := overTheWire(t, fault.Internal.Errorf("no order: %w", blamed)) // orders answers web
	if passed.Service != "stock" || !relays(passed) {
		t.Errorf("passed on: %+v", passed)
	}
	again := overTheWire(t, fmt.Errorf("sorry: %w", fault.WithService(passed, "orders"))) // web answers a user
	if again.Service != "stock" || !relays(again) || again.Code != fault.Internal {
		t.Errorf("passed on once more: %+v", again)
	}
}

func TestWithServiceChangesNothingElse(t *testing.T) {
	cause := errors.New("broken pipe")
	for name, err := range map[string]error{
		"a foreign error": cause,
		"a fault":         fault.Unavailable.Errorf("down").WithReason("maintenance").WithRepeated().WithCause(cause),
		"a wrapped fault": fmt.Errorf("asking: %w", fault.Unavailable.Errorf("down").WithUnprocessed().WithCause(cause)),
	} {
		got := fault.WithService(err, "stock")
		if fault.CodeOf(got) != fault.CodeOf(err) || fault.ReasonOf(got) != fault.ReasonOf(err) || !errors.Is(got, cause) ||
			fault.IsRepeated(got) != fault.IsRepeated(err) || fault.IsUnprocessed(got) != fault.IsUnprocessed(err) {
			t.Errorf("%s became %#v", name, got)
		}
		if e, ok := errors.AsType[*fault.Error](err); ok && e.Service != "" {
			t.Errorf("%s was changed in place", name)
		}
	}
}

func relays(err error) bool { return fault.Judge(context.Background(), err) == fault.Relayed }
