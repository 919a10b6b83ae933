// Package registry registers the instances of services and finds those of others.
//
//	reg := registry.NewMemory()
//	err := reg.Register(ctx, registry.Instance{ID: "orders-1", Name: "orders", Endpoint: "http://10.0.0.1:8080"})
//
//	for instances, err := range reg.Watch(ctx, "orders") { ... }
//
// [Memory] is a registry within this process, [NewStatic] serves fixed addresses, and
// registry/consul uses a Consul cluster. A [Resolver] stands in front of any of them. It
// shares one watch per service among all users, and keeps its last good list when the
// registry cannot be reached.
//
// # Watching
//
// A watch yields the full set first, or an error, and then the newest set after each
// change; a slow reader misses outdated sets. After an error it retries by itself, with
// growing pauses, and yields the full set when the registry answers again. It ends only
// with its context or when its reader breaks off. The instances that it yields are shared
// and read-only.
//
// # Registering
//
// A registration lasts as long as its process: it is renewed automatically, it is
// repeated when the registry has lost it, and it expires when the process dies. After
// Deregister has returned, nothing is written for the ID.
//
// # Other registries
//
// registrytest is a test suite with these rules for any implementation.
package registry
