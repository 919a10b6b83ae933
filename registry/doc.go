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
// A watch first yields all instances of the service, or an error, and then all of them
// after each change. For a service that nobody has registered it begins with an empty
// list. A slow reader gets the newest list next, not those in between. After an error the
// watch asks again by itself, with growing pauses, and yields the list when the registry
// answers again. A watch ends only when its context ends, without an error for that, or
// when its reader leaves the loop. The instances that it yields are shared and read-only.
//
// # Registering
//
// A registration lasts as long as its process, or until Deregister: the Registrar renews
// it, and repeats it when the registry has lost it. It expires when the process dies.
// After Deregister has returned, nothing is written for the ID.
//
// # Other registries
//
// Package registry/registrytest tests any implementation against these rules.
package registry
