package service_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sinew-go/sinew/internal/service"
)

func Example() {
	ctx := context.Background()
	state := service.NewRunState("inventory")
	jobs := service.NewJobs(state)
	jobs.Add(func(ctx context.Context) {
		fmt.Println("the job works")
		<-ctx.Done()
		fmt.Println("the job ends")
	})

	if err := errors.Join(state.Start(), jobs.Start(ctx)); err != nil {
		fmt.Println(err)
	}
	state.Stop()
	ran, err := jobs.Stop(ctx)
	fmt.Println("stopped:", ran, err)
	fmt.Println("starts again:", state.Start() == nil)
	// Output:
	// the job works
	// the job ends
	// stopped: true <nil>
	// starts again: false
}
