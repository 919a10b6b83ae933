package main

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	main()
	// Output:
	// 8 are left
	// true not_found: no product has the id "p-9"
	// false invalid_argument: quantity must be at least 1
}
