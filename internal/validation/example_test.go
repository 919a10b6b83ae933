package validation_test

import (
	"errors"
	"fmt"

	"github.com/sinew-go/sinew/internal/validation"
)

type order struct{ quantity int }

func (o order) Validate() error {
	if o.quantity < 1 {
		return errors.New("quantity must be at least 1")
	}
	return nil
}

func ExampleOf() {
	fmt.Println(validation.Of(order{0}))
	fmt.Println(validation.Of(order{3}))
	// Output:
	// invalid_argument: quantity must be at least 1
	// <nil>
}
