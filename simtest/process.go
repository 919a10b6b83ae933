package simtest

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
)

// Process is a program in a run: an instance of a service, or one of the processes of a
// client. It is safe for concurrent use.
type Process struct {
	// Name is the name of the process: "stock-3".
	Name string
	// Service is a real sinew.Service that neither listens nor registers. It has the
	// clients for the calls of the process, and publishes on the world's bus.
	Service *sinew.Service

	kind  string // the name of its service or client
	run   *run
	salt  uint64
	drain time.Duration

	mu     sync.Mutex
	random *rand.Rand
	peers  map[string]*peer
	called []string // the services that it has called, sorted
}

// peer is a service that the process calls.
type peer struct {
	client     *sinew.Client
	restClient restClient // with World.Codec
}

const defaultDrainDelay = time.Second

// process creates a process of this kind.
func (r *run) process(kind, name string, c sinew.Config) *Process {
	p := &Process{
		Name: name, kind: kind, run: r, salt: hash(name),
		drain: cmp.Or(c.DrainDelay, defaultDrainDelay), random: random(r.Seed, "process "+name), peers: map[string]*peer{},
	}
	c.Registry, c.Bus, c.DrainDelay = r.registry, r.bus, -1
	c.Clients = r.policies(p, c.Clients)
	if r.Codec {
		c.Transport = wireTransport{p}
	}
	if c.Trust == nil { // the processes trust each other
		c.Trust = func(*http.Request) bool { return true }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	p.Service = sinew.New(kind, c)
	return p
}

// policies returns the policies for calls to every service of the world, seeded by the
// run.
func (r *run) policies(p *Process, given map[string]sinew.ClientPolicy) map[string]sinew.ClientPolicy {
	all := maps.Clone(given)
	if all == nil {
		all = map[string]sinew.ClientPolicy{}
	}
	for _, s := range r.World.Services {
		policy := all[s.Name]
		seed(&policy, r.Seed^p.salt^hash(s.Name))
		all[s.Name] = policy
	}
	return all
}

// Call calls an operation of a service by the service's name, with the process's own
// client, and returns the error of the call.
func (p *Process) Call(ctx context.Context, service string, op call.Operation) error {
	to := p.peer(service)
	p.run.record.call(service, p.run.now())
	if p.run.Codec {
		return to.restClient.call(ctx, op)
	}
	return to.client.Call(ctx, op, p.send)
}

// send makes one attempt at an address.
func (p *Process) send(ctx context.Context, addr string) error {
	return p.deliver(ctx, addr, nil).err
}

func (p *Process) peer(service string) *peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if to, ok := p.peers[service]; ok {
		return to
	}
	to := &peer{client: p.Service.Client(service)}
	if p.run.Codec {
		to.restClient = newRESTClient(to.client)
	}
	p.peers[service] = to
	at, _ := slices.BinarySearch(p.called, service)
	p.called = slices.Insert(slices.Clone(p.called), at, service)
	return to
}

// calls returns the services that the process has called.
func (p *Process) calls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.called
}

// networkDelay draws how long a message takes.
func (p *Process) networkDelay() time.Duration {
	if p.run.Network == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run.Network(p.random)
}
