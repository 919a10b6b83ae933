package simtest

import (
	"context"
	"errors"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
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
	// Codec sends each call through package rest, as HTTP in memory: slower by
	// an order of magnitude, for what the codec itself may do to a storm.
	Codec bool
	// Chart is a file to draw the run to, an SVG. When empty the chart is drawn
	// only if the test fails, and the test says where.
	Chart string
}

// Service is a number of equal instances, each with its workers and one queue.
type Service struct {
	// Name is what clients call it by.
	Name string
	// Instances is how many there are; zero is 1.
	Instances int
	// Workers is how many calls an instance works on at once; zero is no limit.
	Workers int
	// Queue is how many calls wait in an instance for a worker; zero is no
	// limit, less than zero is none. What finds it full is refused.
	Queue int
	// Latency is how long an instance works on a call, without what it waits
	// for; nil is no time.
	Latency Latency
	// Errors is the share of calls that fail in the end, from 0 to 1.
	Errors float64
	// Calls are services that each call needs, one after the other, after the
	// instance's own work.
	Calls []string
	// Do is the work in place of Latency, Errors and Calls. The instance is
	// busy until it returns.
	Do func(ctx context.Context, i *Instance) error
	// Heeds says that an instance stops working on a call when its caller has
	// gone. Most real ones do not.
	Heeds bool
	// Server wraps what an instance serves, in front of its workers: called
	// once per instance, so that a limiter is each one's own.
	Server func() []endpoint.Middleware
	// Config is the configuration of each instance, for the policies of its own
	// calls. Its Registry is the world's.
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
	// Rate is how many calls begin per second, all processes together, at random
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
	// HashKey is the key of the n-th call, for a balancer that goes by it.
	HashKey func(n int) string
	// Use wraps each call, outermost first: called once per process.
	Use func() []endpoint.Middleware
	// Config is the configuration of each process, for its policies. Its
	// Registry is the world's.
	Config sinew.Config
}

// Validate reports every fault of the world at once, as fault.InvalidArgument.
func (w World) Validate() error {
	var faults []error
	bad := func(format string, args ...any) {
		faults = append(faults, fault.InvalidArgument.Errorf(format, args...))
	}
	if w.For < 0 {
		bad("For: %s is negative", w.For)
	}
	if w.Expiry < 0 {
		bad("Expiry: %s is negative", w.Expiry)
	}
	known := map[string]int{}
	for _, s := range w.Services {
		if _, twice := known[s.Name]; twice || s.Name == "" {
			bad("Services: the name %q is empty or there twice", s.Name)
		}
		known[s.Name] = max(s.Instances, 1)
	}
	for _, s := range w.Services {
		s.validate(known, bad)
	}
	if len(w.Clients) == 0 {
		bad("Clients: nobody calls")
	}
	for _, c := range w.Clients {
		c.validate(known, bad)
	}
	for _, e := range w.Script {
		e.validate(w, bad)
	}
	return errors.Join(faults...)
}

func (s Service) validate(known map[string]int, bad func(string, ...any)) {
	if s.Instances < 0 || s.Workers < 0 {
		bad("service %s: Instances %d or Workers %d is negative", s.Name, s.Instances, s.Workers)
	}
	if !(s.Errors >= 0 && s.Errors <= 1) {
		bad("service %s: Errors: %v is not between 0 and 1", s.Name, s.Errors)
	}
	for _, name := range s.Calls {
		if known[name] == 0 {
			bad("service %s: Calls: there is no service %q", s.Name, name)
		}
	}
	if s.Do != nil && (s.Latency != nil || s.Errors > 0 || s.Calls != nil) {
		bad("service %s: beside Do, Latency, Errors and Calls have no effect", s.Name)
	}
}

func (c Client) validate(known map[string]int, bad func(string, ...any)) {
	if known[c.Calls] == 0 {
		bad("client %s: Calls: there is no service %q", c.Name, c.Calls)
	}
	if !(c.Rate >= 0 && c.Rate <= maxRate) || c.Users < 0 || (c.Rate > 0) == (c.Users > 0) {
		bad("client %s: Rate %v, Users %d: set one of them, above zero (a rate up to %v)", c.Name, c.Rate, c.Users, float64(maxRate))
	}
	if c.Processes < 0 || c.Deadline < 0 {
		bad("client %s: Processes %d or Deadline %s is negative", c.Name, c.Processes, c.Deadline)
	}
}

// maxRate is above what can be simulated, and far below one call a nanosecond.
const maxRate = 1e6

func (w World) withDefaults() World {
	if w.For == 0 {
		w.For = time.Minute
	}
	if w.Seed == 0 {
		w.Seed = 1
	}
	if w.Expiry == 0 {
		w.Expiry = 15 * time.Second
	}
	w.Services, w.Clients = append([]Service(nil), w.Services...), append([]Client(nil), w.Clients...)
	for i := range w.Services {
		w.Services[i].Instances = max(w.Services[i].Instances, 1)
	}
	for i := range w.Clients {
		w.Clients[i].Processes = max(w.Clients[i].Processes, 1)
		if w.Clients[i].Name == "" {
			w.Clients[i].Name = "client"
		}
	}
	return w
}

var _ registry.Registry = (*names)(nil)
