// Package simtest runs a distributed system in virtual time. So timeouts, retries,
// breakers and load balancing are tested in an outage as a function is tested: minutes of
// virtual time take seconds, and the same seed gives the same run.
//
//	res := simtest.Run(t, simtest.World{
//		Services: []simtest.Service{{Name: "stock", Instances: 10, Workers: 4, Latency: simtest.Exponential(5*time.Millisecond, 5*time.Millisecond)}},
//		Clients:  []simtest.Client{{Calls: "stock", Rate: 2000, Deadline: 500 * time.Millisecond}},
//		Script:   []simtest.Event{simtest.At(20*time.Second, simtest.Slow("stock", 20, 3))},
//	})
//	if res.Good() < 0.999 {
//		t.Errorf("%v", res.Errors())
//	}
//
// # Usage
//
// A [World] has services, clients and a script.
//
// A [Service] is a number of equal instances, each with workers, a queue and a
// distribution of its latency. It may call other services, or run code of yours: its Do.
//
// A [Client] is a load on one service. The load is open (a rate, at random moments,
// independent of the answers) or closed (users who wait for their answers).
//
// The script has events, each made by [At] of a moment and one of these actions: [Slow],
// [Errors], [AnswerWith], [Kill], [Restart], [Pause], [Hang], [Heal], [Partition],
// [HealPartition], [Deploy], [Add], [Load], [RegistryDown], [RegistryUp].
//
// [Run] runs the world and returns a [Result]. The methods of a Result are about a window
// of the run, or about all of it: res.Goodput(), res.P99(from, to),
// res.Attempts("db")/res.Requests("db").
//
// The policies under test are those of Config.Clients, as in production; the zero Config
// tests the defaults. Middleware under test goes into Client.Middleware and
// Service.Middleware. When the test fails, a chart of the run is saved, and the test's
// log has its path; World.Chart names a file for a chart in any case.
//
// # What is real
//
// Each process has its own [sinew.Service] with clients. Balancer, breaker, retries,
// deadlines, resolver, metrics and the metadata of calls are the code that runs in
// production, and so are a limiter in Service.Middleware and the [eventbus.Memory] that
// all processes share: [Process].Service publishes on it, and [Instance.Subscribe]
// subscribes to it. With World.Codec each hop also passes package rest as HTTP in memory:
// JSON, headers, problem documents, and the instance's real handler.
//
// # What is simulated
//
// Simulated are instances, their workers and queues, the network between processes, and
// the availability of the registry.
//
//   - A refused connection takes 0.2 ms.
//   - A killed instance loses its work, and its callers notice within 0.1 ms. An instance
//     that hangs, or is partitioned from its caller, never answers.
//   - A network message takes the time that World.Network draws. No message is lost or
//     reordered otherwise.
//   - When a caller gives up, the context of its call ends at once. The worker of the
//     instance stays busy unless Service.StopsOnCancel is set.
//   - Connections, their number and reuse, TLS, and the cost of the codec are not
//     simulated. Processing takes no virtual time, so model a lack of CPU with Workers
//     and Latency.
//   - Events need no worker, and the bus is never partitioned.
//
// # Time
//
// A run is in a [testing/synctest] bubble: time advances only when every goroutine waits.
// Code under test must therefore use package time, and must not wait for anything
// outside: a socket, a file, a channel made before Run. A sync.Mutex that is locked while
// its holder sleeps stops the clock, too.
//
// # Repeatability
//
// Two runs of the same World agree exactly, on any machine, if the code under test is
// deterministic. All randomness comes from World.Seed, with one source for each part,
// including the Seed of every policy in Config.Clients that does not set one. Goroutines
// that would wake at the same moment of virtual time wake at slightly different ones, so
// that their order is the same in every run. The code of a Do must take its random
// numbers from [Instance.Draw] or a [Latency], and must not depend on the order of a map.
// A middleware that draws random numbers must be seeded by its author.
//
// # Speed
//
// A call costs about 7 µs per hop, and about four times as much with World.Codec: ten
// minutes at 1,000 calls/s through three tiers take some 13 s.
//
//	go test ./simtest -run '^$' -bench ThreeTiers -benchtime 600000x
package simtest
