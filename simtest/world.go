package simtest

import (
	"cmp"
	"context"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
)

// World is a system to simulate: services, who calls them, and what happens to
// them.
type World struct {
	// For is how long clients send, in virtual time; zero is a minute.
	For time.Duration
	// Services are what is called. Those that have dependencies call them
	// through clients of their own.
	Services []Service
	// Clients are where the load comes from.
	Clients []Client
	// Script is what happens meanwhile, in any order.
	Script []Event
	// Seed repeats a run; zero is 1.
	Seed uint64
	// Network is how long a message takes each way; nil takes no time.
	Network Latency
	// Expiry is how long the registry lists an instance that was killed; zero is
	// 15 s.
	Expiry time.Duration
	// Bus is the policy of the event bus that all processes share.
	Bus eventbus.MemoryPolicy
	// Codec sends each call through package rest, as HTTP in memory: slower
	// several times, for what the codec itself may do to a storm.
	Codec bool
	// Chart is a file to draw the run to, an SVG. When empty the chart is drawn
	// only if the test fails, and its log says where.
	Chart string
}

// Service is a number of equal instances, each with its workers and one queue.
type Service struct {
	// Name is what clients call it by.
	Name string
	// Instances is how many there are; zero is 1.
	Instances int
	// Workers is how many calls an instance works on at once; zero is without limit.
	Workers int
	// Queue is how many calls wait in an instance for a worker; zero is without
	// limit. If it is negative there is no queue. A call that finds the queue full,
	// or no queue and no free worker, is refused.
	Queue int
	// Latency is how long an instance works on a call, without what it waits
	// for; nil is no time.
	Latency Latency
	// Errors is the share of calls that fail in the end, from 0 to 1.
	Errors float64
	// Calls are services that each call needs, one after the other, after the
	// instance's own work.
	Calls []string
	// Do is the work in place of Latency, Errors and Calls: code of your own,
	// which keeps the instance busy with [Instance.Work], calls others with
	// [Process.Call] and publishes through Process.Service. Time in it is the
	// world's, by package time.
	Do func(ctx context.Context, i *Instance) error
	// Start is what an instance does whenever it starts, before it is called:
	// it subscribes to events. An error fails the test.
	Start func(i *Instance) error
	// StopsOnCancel says that an instance stops working on a call when its caller has
	// gone. Most real ones do not: ctx ends, and the work goes on.
	StopsOnCancel bool
	// Server wraps what an instance serves, in front of its workers: called
	// once per instance, so that a limiter is each one's own.
	Server func() []endpoint.Middleware
	// Config is the configuration of each instance, for the policies of its own
	// calls. Its Registry, Bus and Transport are the world's.
	Config sinew.Config
	// Metadata of an instance, "zone" or "weight"; nil is none.
	Metadata func(instance int) map[string]string
}

// Client is a load on one service.
type Client struct {
	// Name is the client's; empty is "client".
	Name string
	// Processes is over how many the load is spread, each with a client of its
	// own that knows nothing of the others; zero is 1.
	Processes int
	// Calls is the service that is called.
	Calls string
	// Rate is how many calls are made per second, all processes together, at random
	// moments (open loop, Poisson arrivals).
	Rate float64
	// Users call one after the other with Think between two calls (closed loop),
	// all processes together. Set it or Rate.
	Users int
	Think Latency
	// Deadline is how long a caller waits; an answer that comes later is not
	// good. Zero is the client policy's timeout.
	Deadline time.Duration
	// Unsafe calls must not be repeated once a handler ran.
	Unsafe bool
	// HashKey is the key of the n-th call, for a balancer that hashes it.
	HashKey func(n int) string
	// Operation is the name of the n-th call's operation, which its callee finds in
	// the [endpoint.Call] of its context; nil is "call" for all.
	Operation func(n int) string
	// Use wraps each call, outermost first: called once per process.
	Use func() []endpoint.Middleware
	// Config is the configuration of each process, for its policies. Its
	// Registry, Bus and Transport are the world's.
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
