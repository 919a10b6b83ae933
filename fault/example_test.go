package fault_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sinew-go/sinew/fault"
)

func Example() {
	cause := errors.New("sql: no rows")
	err := fmt.Errorf("place order: %w", fault.NotFound.Errorf("product %s does not exist: %w", "p-1", cause))

	fmt.Println(errors.Is(err, fault.NotFound), errors.Is(err, cause))
	fmt.Println(err)
	wire, _ := json.Marshal(fault.ProblemOf(err))
	fmt.Println(string(wire))
	// Output:
	// true true
	// place order: not_found: product p-1 does not exist: sql: no rows
	// {"type":"about:blank","title":"Not Found","status":404,"detail":"product p-1 does not exist","code":"not_found"}
}

func ExampleError_WithReason() {
	err := fault.FailedPrecondition.Errorf("3 of p-1 are left, 5 were asked for").
		WithReason("insufficient_stock").WithDetail("available", 3)
	fmt.Println(err, fault.CodeOf(err).HTTPStatus())
	fmt.Println(fault.ReasonOf(fmt.Errorf("place order: %w", err)) == "insufficient_stock")
	// Output:
	// failed_precondition: 3 of p-1 are left, 5 were asked for (insufficient_stock) 400
	// true
}
