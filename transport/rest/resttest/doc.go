// Package resttest tests services without sockets, also within testing/synctest. A
// [Network] serves handlers in memory, by the net/http of a real server, so that streams,
// deadlines, a caller that gives up, upgraded connections and gRPC are as they are in
// production. A [Fake] stands for another service, records what is called, and gets its
// answers from the routes that the real one serves:
//
//	var network resttest.Network
//	defer network.Close()
//	var inventory resttest.Fake
//	network.Serve("inventory", &inventory)
//	api.Reserve.Handle(&inventory, func(context.Context, *api.ReserveRequest) (*api.Stock, error) {
//		return nil, fault.FailedPrecondition.Errorf("sold out")
//	})
//	order := sinew.New("order", sinew.Config{Transport: &network, Static: network.Addresses()})
//
// The service under test need not start: its Handler is served as "order", and
// network.Caller("order") calls it.
package resttest
