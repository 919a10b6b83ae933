// Package consul is a [registry.Registry] that uses a Consul agent.
//
//	reg, err := consul.New(consul.Config{Address: "127.0.0.1:8500"})
//	defer reg.Close()
//
// # Registering
//
// Each instance is a service of the agent with a check that becomes critical if it is not
// renewed for [Config].TTL. Config.DeregisterAfter later, Consul removes the service. The
// [Registry] renews every third of a TTL, and registers again if the agent has lost the
// instance, until Deregister or Close. A registration belongs to one agent, so Address
// must always lead to the same agent, usually the one on the same machine, and not to a
// load balancer.
//
// An instance that died is first critical, which is registry.Unhealthy, and removed
// later: Consul removes nothing before a minute has passed.
//
// # What is stored where
//
// ID, name, tags and metadata are those of the Consul service. Host and port of the
// endpoint are its address, for clients that use DNS. The weight in the metadata is its
// Weights.Passing, rounded and at least 1. Bytes of an ID that could change the path of a
// request, such as slashes and spaces, are written as ~ and two hexadecimal digits.
// Endpoint, version, health check and times are metadata with the prefix "sinew_".
//
// Passing is Healthy, warning is Unknown, critical is Unhealthy.
//
// For a service that another program registered, the endpoint is built from its address,
// with the scheme from its metadata "scheme" or else http. Its weight is its
// Weights.Passing if its metadata has none.
//
// # Watching
//
// A watch is a blocking query that follows Consul's rules for its index. The pauses
// between failed queries grow to 5 s. The pauses between answers that arrive early and
// contain nothing new grow to 1 s.
package consul
