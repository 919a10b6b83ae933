package grpcgo

import (
	"encoding/json"
	"errors"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"

	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

// grpc-go finds a balancer by the name in its service config only.
func init() { balancer.Register(balancerBuilder{}) }

// balancerBuilder builds balancers whose picker is a loadbalance.Pool. Their config is a
// loadbalance.Policy as JSON.
type balancerBuilder struct{}

// Name implements [balancer.Builder].
func (balancerBuilder) Name() string { return name }

// Build implements [balancer.Builder].
func (balancerBuilder) Build(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
	service := o.Target.Endpoint()
	pool := loadbalance.New(service, loadbalance.Policy{})
	return &poolBalancer{cc: cc, service: service, pool: pool, conns: map[string]*instanceConn{}}
}

// ParseConfig implements [balancer.ConfigParser].
func (balancerBuilder) ParseConfig(text json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	c := &balancerConfig{}
	if err := json.Unmarshal(text, &c.policy); err != nil {
		return nil, err
	}
	return c, c.policy.Validate()
}

type balancerConfig struct {
	serviceconfig.LoadBalancingConfig
	policy loadbalance.Policy
}

// poolBalancer balances the calls of one connection of grpc-go, which calls its methods one
// after the other.
type poolBalancer struct {
	cc      balancer.ClientConn
	service string
	policy  loadbalance.Policy
	pool    *loadbalance.Pool
	order   []string                 // ids of the instances
	conns   map[string]*instanceConn // by id
	err     error                    // why there is no instance
}

// instanceConn is the connection to one instance.
type instanceConn struct {
	balancer.SubConn
	instance registry.Instance
	state    connectivity.State // TransientFailure until it is Ready again
	err      error              // why it has failed
}

// UpdateClientConnState implements [balancer.Balancer].
func (b *poolBalancer) UpdateClientConnState(s balancer.ClientConnState) error {
	if c, ok := s.BalancerConfig.(*balancerConfig); ok && c.policy != b.policy {
		if err := b.pool.Set(c.policy); err != nil {
			return err
		}
		b.policy = c.policy
	}
	instances := instancesIn(s.ResolverState)
	known := b.conns
	b.conns, b.order, b.err = make(map[string]*instanceConn, len(instances)), b.order[:0], nil
	for _, i := range instances {
		c := known[i.ID]
		if c == nil || c.instance.Endpoint != i.Endpoint {
			var err error
			if c, err = b.connect(i); err != nil {
				b.err = err
				continue
			}
		} else {
			delete(known, i.ID)
		}
		c.instance = i
		b.conns[i.ID] = c
		b.order = append(b.order, i.ID)
	}
	for _, c := range known {
		c.Shutdown()
	}
	b.publish()
	if len(b.order) == 0 {
		return balancer.ErrBadResolverState
	}
	return nil
}

func (b *poolBalancer) connect(i registry.Instance) (*instanceConn, error) {
	c := &instanceConn{state: connectivity.Connecting}
	options := balancer.NewSubConnOptions{StateListener: func(s balancer.SubConnState) { b.changed(c, s) }}
	at := []resolver.Address{addressOf(i.Endpoint)}
	conn, err := b.cc.NewSubConn(at, options) //nolint:staticcheck // only several addresses are deprecated
	if err != nil {
		return nil, err
	}
	c.SubConn = conn
	conn.Connect()
	return c, nil
}

// changed follows a connection. One that has failed connects again and again, and counts
// as failed until it has succeeded.
func (b *poolBalancer) changed(c *instanceConn, s balancer.SubConnState) {
	if b.conns[c.instance.ID] != c {
		return
	}
	if s.ConnectivityState == connectivity.Idle {
		c.Connect()
	}
	switch {
	case s.ConnectivityState == connectivity.TransientFailure:
		c.err = s.ConnectionError
	case c.state == connectivity.TransientFailure && s.ConnectivityState != connectivity.Ready:
		return
	}
	c.state = s.ConnectivityState
	b.publish()
}

// publish gives the pool the instances that may work, and grpc-go a picker.
func (b *poolBalancer) publish() {
	p := &picker{pool: b.pool, ready: map[string]balancer.SubConn{}}
	var usable []registry.Instance
	errs := []error{b.err}
	for _, id := range b.order {
		c := b.conns[id]
		if c.state == connectivity.TransientFailure {
			errs = append(errs, c.err)
			continue
		}
		usable = append(usable, c.instance)
		if c.state == connectivity.Ready {
			p.ready[id] = c.SubConn
		} else {
			p.connecting = append(p.connecting, id)
		}
	}
	b.pool.Update(usable)
	state := connectivity.Ready
	switch {
	case len(p.ready) > 0:
	case len(p.connecting) > 0:
		state = connectivity.Connecting
	default:
		state = connectivity.TransientFailure
		if p.err = errors.Join(errs...); p.err == nil {
			p.err = errors.New("no instance of " + b.service + " is known")
		}
	}
	b.cc.UpdateState(balancer.State{ConnectivityState: state, Picker: p})
}

// ResolverError implements [balancer.Balancer].
func (b *poolBalancer) ResolverError(err error) {
	if len(b.order) == 0 {
		b.err = err
		b.publish()
	}
}

// UpdateSubConnState implements [balancer.Balancer]. The listeners of the connections come
// first.
func (b *poolBalancer) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle implements [balancer.Balancer].
func (b *poolBalancer) ExitIdle() {}

// Close implements [balancer.Balancer].
func (b *poolBalancer) Close() {
	for _, c := range b.conns {
		c.Shutdown()
	}
	b.conns = nil
}
