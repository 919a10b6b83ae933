// Package saga runs work that takes several steps in several services, and undoes what was
// done if a later step fails. A run survives the death of its process.
//
//	var Checkout = saga.Definition[Order]{Name: "checkout", Steps: []saga.Step[Order]{
//		{Name: "reserve", Do: reserve, Undo: release},
//		{Name: "pay", Do: pay, Undo: refund, Timeout: time.Minute},
//		{Name: "ship", Do: ship},
//	}}
//
//	run := saga.New(Checkout, saga.NewMemory())
//	svc.Go(run.Run)
//	err := run.Start(ctx, order.ID, order)
//	end, err := run.Wait(ctx, order.ID)
package saga
