package servicetest_test

import (
	"fmt"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/internal/servicetest"
)

func ExampleAsk() {
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{}))
	fmt.Println(servicetest.Ask(svc, "GET", "/healthz").Code)
	// Output: 200
}
