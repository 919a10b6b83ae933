// Package registry says which instances of a service there are: it registers
// one's own and finds the others'.
//
//	reg := registry.NewMemory()
//	err := reg.Register(ctx, registry.Instance{ID: "orders-1", Name: "orders", Endpoint: "http://10.0.0.1:8080"})
//
//	for instances, err := range reg.Watch(ctx, "orders") { ... }
//
// [Memory] keeps them in this process, [NewStatic] serves fixed addresses, and
// registry/consul a cluster. A [Resolver] sits before any of them, shares one
// watch per service among all who ask, and keeps its last good list when the
// registry is away.
//
// # Watching
//
// A watch gives the full set first, or an error, and then the newest set on
// each change; a slow reader skips what is out of date. After an error it goes
// on by itself, with growing pauses, and gives the full set once the registry
// answers. It ends only with its context or when its reader breaks off. The
// instances it gives are shared and read-only.
//
// # Registering
//
// A registration lives as long as its process: it renews itself, comes back
// when the registry lost it, and expires when the process dies. Nothing is
// written for an id after Deregister has returned.
//
// # Other registries
//
// registrytest holds these rules as a suite that any implementation can run.
package registry
