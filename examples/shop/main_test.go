package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// asShop makes the test binary the shop, for the tests of processes.
const asShop = "SHOP_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asShop) != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
