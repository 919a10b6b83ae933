// Package consul is a [registry.Registry] on a Consul agent.
//
//	reg, err := consul.New(consul.Config{Address: "127.0.0.1:8500"})
//	defer reg.Close()
//
// # Registering
//
// Each instance is a service of the agent with a check that turns critical
// when nobody renews it for [Config].TTL, and takes the service with it after
// Config.DeregisterAfter. The registry renews every third of a TTL, and
// registers again when the agent no longer knows the instance, until Deregister
// or Close. The agent must always be the same one, as a rule the one on the
// same machine: a registration belongs to an agent, so Address must not be a
// load balancer.
//
// An instance that died is critical first, which is registry.Unhealthy, and
// gone later: Consul removes nothing before a minute has passed.
//
// # What is stored where
//
// Id, name, tags and metadata are the service's own; host and port of the
// endpoint are its address, for those who find it by DNS, and the weight in its
// metadata is its Weights.Passing, rounded and from 1 on. In an id, bytes that
// could change the path of a request, as slashes and spaces, are written as ~ and
// two hexadecimal digits. Endpoint, version,
// health check and times are metadata with the prefix "sinew_". Passing is
// Healthy, warning Unknown, critical Unhealthy. A service that others
// registered has an endpoint made of its address, with the scheme that its
// metadata "scheme" names, else http, and the weight of its Weights.Passing where
// its metadata has none.
//
// # Watching
//
// A watch is a blocking query that follows Consul's rules for its index. Pauses
// between failed queries grow to 5 s, and so do those, to 1 s, between answers
// that come early and bring nothing new.
package consul
