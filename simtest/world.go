package simtest

import (
	"cmp"
	"context"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
)

// World is a system to simulate: services, their clients, and a script of events.
type World struct {
	// For is how long the clients send, in virtual time. The default is one minute.
	For time.Duration
	// Services are the services. A service that calls others does so with clients of its
	// own.
	Services []Service
	// Clients are the sources of load.
	Clients []Client
	// Script is the events of the run, in any order.
	Script []Event
	// Seed makes the run repeatable. The default is 1.
	Seed uint64
	// Network is the time that a message takes each way. Nil is no time.
	Network Latency
	// Expiry is how long the registry lists a killed instance. The default is 15 s.
	Expiry time.Duration
	// Bus is the policy of the event bus that all processes share.
	Bus eventbus.MemoryPolicy
	// Codec sends each call through package rest, as HTTP in memory. A run then takes
	// several times as long. Use it to test the effect of the codec.
	Codec bool
	// Chart is the file for a chart of the run, an SVG. If empty, a chart is written only
	// if the test fails, and the test's log has its path.
	Chart string
}

// Service is a number of equal instances, each with workers and a queue of its own.
type Service struct {
	// Name is the name by which clients call it.
	Name string
	// Instances is the number of instances. The default is 1.
	Instances int
	// Workers is how many calls an instance works on at the same time. Zero is unlimited.
	Workers int
	// Queue is how many calls can wait in an instance for a worker. Zero is unlimited; a
	// negative value means no queue. A call that finds no free worker and no room in the
	// queue is refused.
	Queue int
	// Latency is how long an instance works on a call, without waiting times. Nil is no
	// time.
	Latency Latency
	// Errors is the share of calls that fail after their work, from 0 to 1.
	Errors float64
	// Calls are the services that each call needs, in order, after the instance's own
	// work.
	Calls []string
	// Do replaces Latency, Errors and Calls with code of yours, whose error is the answer
	// to the call. It keeps the instance's worker busy with [Instance.Work], calls other
	// services with [Process.Call] and publishes through Process.Service. Package time
	// shows virtual time in it.
	Do func(ctx context.Context, i *Instance) error
	// Start runs whenever an instance starts, before it gets calls; for example it
	// subscribes to events. An error fails the test.
	Start func(i *Instance) error
	// StopsOnCancel makes an instance stop working on a call when its caller has gone. Most
	// real services do not: the context of the call ends, and the work continues.
	StopsOnCancel bool
	// Middleware returns middlewares around what an instance serves, in front of its workers.
	// It is called once per instance, so that each has its own limiter.
	Middleware func() []endpoint.Middleware
	// Config is the configuration of each instance, with the policies for its own calls.
	// Its Registry, Bus and Transport are replaced by the world's; a Trust or Logger that
	// is nil is as in [Client].Config.
	Config sinew.Config
	// Metadata returns the metadata of the instance with this number, such as "zone" and
	// "weight". Nil is none.
	Metadata func(instance int) map[string]string
}

// Client is a load on one service.
type Client struct {
	// Name is the name of the client. The default is "client".
	Name string
	// Processes is the number of processes that share the load, each with its own client
	// that knows nothing of the others. The default is 1.
	Processes int
	// Calls is the service to call.
	Calls string
	// Rate is the number of calls per second of all processes together, at random moments
	// (open loop, Poisson arrivals). [Load] changes it.
	Rate float64
	// Users is the number of users of all processes together. Each makes one call after the
	// other, and waits for Think between two calls (closed loop). Set either Rate or Users.
	Users int
	Think Latency
	// Deadline is how long a caller waits; a call that is answered later is not good. The
	// default is the Timeout of the policy in Config.Clients.
	Deadline time.Duration
	// Unsafe says that a call must not be repeated once a handler ran.
	Unsafe bool
	// HashKey returns the key of the n-th call, for a balancer that hashes keys.
	HashKey func(n int) string
	// Operation returns the name of the n-th call's operation, which the callee finds in
	// the [call.Record] of its context. Nil is "call" for all.
	Operation func(n int) string
	// Middleware returns middlewares around each call, outermost first. It is called once per
	// process.
	Middleware func() []endpoint.Middleware
	// Config is the configuration of each process, with its policies. Its Registry, Bus and
	// Transport are replaced by the world's. If Trust is nil, the processes trust each
	// other; if Logger is nil, nothing is logged.
	Config sinew.Config
}

const (
	defaultFor    = time.Minute
	defaultExpiry = 15 * time.Second
)

func (w World) withDefaults() World {
	w.For = cmp.Or(w.For, defaultFor)
	w.Seed = cmp.Or(w.Seed, 1)
	w.Expiry = cmp.Or(w.Expiry, defaultExpiry)
	w.Services, w.Clients = append([]Service(nil), w.Services...), append([]Client(nil), w.Clients...)
	for i := range w.Services {
		w.Services[i].Instances = max(w.Services[i].Instances, 1)
	}
	for i := range w.Clients {
		w.Clients[i].Processes = max(w.Clients[i].Processes, 1)
		w.Clients[i].Name = w.Clients[i].name()
	}
	return w
}
