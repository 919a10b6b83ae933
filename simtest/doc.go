// Package simtest runs a distributed system in virtual time, so that timeouts,
// retries, breakers and balancing are tested against an outage as a function is
// tested: minutes of it in seconds, and the same ones again for the same seed.
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
// A [World] has services, clients and a script. A [Service] is a number of equal
// instances, each with workers, a queue and a distribution of how long it works; it
// may call others, or do what its Do says. A [Client] is a load on one of them:
// open, at a rate and at random moments whatever becomes of the calls, or closed,
// by users who wait for their answers. The script has events [At] moments: [Slow],
// [Errors], [Answer], [Kill], [Restart], [Pause], [Hang], [Heal], [Partition], [Join],
// [Deploy], [Add], [Load], [RegistryDown], [RegistryUp]. [Run] plays it and returns
// a [Result], whose methods read like sentences about a window of the run:
// res.Goodput(), res.P99(from, to), res.Attempts("db")/res.Requests("db").
//
// The policies under test are those of Config.Clients, as in production: the zero
// Config tests the defaults. Middleware under test goes into Client.Use and
// Service.Server. When the test fails, a chart of the run is kept, and the log says
// where; World.Chart asks for one in any case.
//
// # What is real
//
// Each process has a [sinew.Service] of its own with its clients: balancer, breaker,
// retries, deadlines, resolver, metrics and the marks that travel with calls are the
// code that runs in production, as are a limiter in Service.Server and the
// [eventbus.Memory] that all processes share ([Process].Service publishes,
// [Instance.Subscribe] subscribes). With World.Codec each hop also goes through
// package rest as HTTP in memory: JSON, headers, problem documents, the instance's
// real handler.
//
// # What is simulated
//
// Instances, their workers and queues, the network between processes, and when the
// registry answers. A refused connection takes 0.2 ms; what a killed instance worked
// on is lost, and its callers hear of it within 0.1 ms; a black hole says nothing. A
// network message takes what World.Network draws, and none is lost or reordered
// otherwise. Whoever has gone ends the context of what was done for it, at once; the
// worker stays busy unless Service.StopsOnCancel. Connections, their number and their reuse,
// TLS, and what the codec costs are not simulated: processing takes no virtual time,
// so that a system that lacks CPU must be told so, by Workers and Latency. Events
// take no worker, and the bus is never cut off.
//
// # Time
//
// A run is in a [testing/synctest] bubble: time stands still until everybody waits.
// So code under test must use package time, and must not wait for anything outside:
// a socket, a file, a channel made before Run. A sync.Mutex that is held while
// somebody sleeps stops the clock, too.
//
// # Repeatability
//
// Two runs of the same World on any machine agree exactly, as far as code under test
// does its part: chance comes from World.Seed alone, one source for each part, the
// Seed of every policy in Config.Clients included, unless it is set; and what happens
// to many at once goes on at moments of its own for each. A Do that draws must do so
// from [Instance.Draw] or a [Latency], and must not range over a map. Seeds of
// middleware in Use and Server are its maker's business.
//
// # Speed
//
// A call costs about 7 µs for each hop, with World.Codec about four times as much:
// ten minutes at 1,000 calls/s through three tiers take some 13 s.
//
//	go test ./simtest -run '^$' -bench ThreeTiers -benchtime 600000x
package simtest
