package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/audit"
	"github.com/sinew-go/sinew/examples/shop/bank"
	"github.com/sinew-go/sinew/examples/shop/gateway"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/inventory"
	"github.com/sinew-go/sinew/examples/shop/logistics"
	"github.com/sinew-go/sinew/examples/shop/order"
	"github.com/sinew-go/sinew/examples/shop/payment"
	"github.com/sinew-go/sinew/examples/shop/product"
	"github.com/sinew-go/sinew/examples/shop/stripe"
	"github.com/sinew-go/sinew/examples/shop/user"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/registry/consul"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// options are the options of the command line.
type options struct {
	gateway  string // the gateway's address
	service  string // the only service to run; "" is all
	data     string // folder of the SQLite databases; "" is memory
	db       string // URL of a PostgreSQL database; "" is SQLite
	registry string // "memory" or "consul"
	consul   string // Consul's address
	bus      string // "memory", "nats" or "kafka"
	nats     string // NATS' URL
	kafka    string // address of a broker
	saga     string // "embedded" or "temporal"
	temporal string // address of a server of Temporal
	stripe   string // URL of the payment provider; "" is the shop's own bank
	key      string // the secret key for the payment provider
	webhooks string // the secret of its webhooks
	log      *slog.Logger
	adjust   func(*sinew.Config) // changes the configuration of a service; may be nil
}

// The secrets that the shop shares with its own bank.
const (
	bankKey    = "sk_test_shop"
	bankSecret = "whsec_shop"
)

// backends are the services behind the gateway, in start order.
var backends = []struct {
	name   string
	schema []string
	serve  func(*platform, *sinew.Service, *sql.DB) error
}{
	{"user", user.Schema, func(_ *platform, svc *sinew.Service, db *sql.DB) error { user.New(svc, db); return nil }},
	{"inventory", inventory.Schema, func(_ *platform, svc *sinew.Service, db *sql.DB) error { _, err := inventory.New(svc, db); return err }},
	{"product", product.Schema, func(_ *platform, svc *sinew.Service, db *sql.DB) error { _, err := product.New(svc, db); return err }},
	{"bank", bank.Schema, func(p *platform, svc *sinew.Service, db *sql.DB) error {
		bank.New(svc, db, p.key, p.webhooks)
		return nil
	}},
	{"order", nil, func(p *platform, svc *sinew.Service, db *sql.DB) error {
		runs, err := p.runs(db)
		if err == nil {
			_, err = order.New(svc, db, runs)
		}
		return err
	}},
	{"payment", payment.Schema, func(p *platform, svc *sinew.Service, db *sql.DB) error {
		_, err := payment.New(svc, db, stripe.New(svc.Client("bank"), p.key), p.webhooks)
		return err
	}},
	{"audit", audit.Schema, func(_ *platform, svc *sinew.Service, db *sql.DB) error { _, err := audit.New(svc, db); return err }},
	{"logistics", logistics.Schema, func(_ *platform, svc *sinew.Service, db *sql.DB) error { _, err := logistics.New(svc, db); return err }},
}

// platform is what the services of this process share.
type platform struct {
	options
	registry registry.Registry
	bus      eventbus.Bus
	gate     *gate            // in front of a memory bus
	services []*sinew.Service // the gateway is the last one
	traces   tracing.Recorder // of the services of this process
	closers  []func() error
}

// newPlatform creates the services of the options. Nothing runs before start.
func newPlatform(o options) (*platform, error) {
	o.key, o.webhooks = cmp.Or(o.key, bankKey), cmp.Or(o.webhooks, bankSecret)
	p := &platform{options: o, traces: tracing.Recorder{Capacity: keepSpans}}
	var err error
	if o.db != "" && !strings.HasPrefix(o.db, "postgres://") && !strings.HasPrefix(o.db, "postgresql://") {
		err = errors.New("-db: the URL must begin with postgres://")
	}
	err = errors.Join(err, p.openRegistry(), p.openBus())
	for _, part := range backends {
		if part.name == "bank" && o.stripe != "" {
			continue
		}
		if err == nil && (o.service == "" || o.service == part.name) {
			err = p.add(part.name, part.schema, part.serve)
		}
	}
	if err == nil && (o.service == "" || o.service == "gateway") {
		err = p.addGateway()
	}
	if err == nil && len(p.services) == 0 {
		err = fmt.Errorf("-service: there is no service %q", o.service)
	}
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	if o.service != "" { // the banner on stdout is for a reader of the whole shop
		p.log.Warn(noQuestions, "service", o.service)
	}
	return p, nil
}

func (p *platform) add(name string, schema []string, serve func(*platform, *sinew.Service, *sql.DB) error) error {
	db, err := database.Open(cmp.Or(p.db, p.data), name, schema...)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, db.Close)
	keys := idempotency.SQL{DB: db}
	if err := keys.Create(context.Background()); err != nil {
		return err
	}
	c := p.config(p.anyPort())
	c.Idempotency = keys
	svc := p.newService(name, c)
	p.services = append(p.services, svc)
	return serve(p, svc, db)
}

func (p *platform) newService(name string, c sinew.Config) *sinew.Service {
	if p.adjust != nil {
		p.adjust(&c)
	}
	return sinew.New(name, c)
}

func (p *platform) addGateway() error {
	addr, advertise, err := p.gatewayAddresses()
	if err != nil {
		return fmt.Errorf("-gateway: %w", err)
	}
	c := p.config(addr)
	c.Advertise = advertise
	if !isLoopback(p.gateway) { // requests come from other machines, perhaps through a proxy on this one
		c.Trust = nil
	}
	svc := p.newService("gateway", c)
	gateway.New(svc)
	gateway.ShowTraces(svc, &p.traces)
	p.services = append(p.services, svc)
	return nil
}

// keepSpans is the number of spans that are stored for /traces: about a hundred orders.
const keepSpans = 10_000

// noQuestions is the first line that the shop prints.
const noQuestions = "This shop asks nobody who they are: whoever reaches it may do everything, even become its admin. It is for trying out."

// config is the configuration of every service. They call each other without TLS, on this
// machine. On several machines, list their networks with rest.Networks.
func (p *platform) config(addr string) sinew.Config {
	c := sinew.Config{Version: "1.0.0", Addr: addr, Registry: p.registry, Bus: p.bus, Logger: p.log, Trust: rest.SameMachine, Tracer: &p.traces}
	if p.stripe != "" {
		c.Static = map[string][]string{"bank": {p.stripe}}
	}
	return c
}

// anyPort is a free port: on 127.0.0.1 if all services are in this process, otherwise on
// all addresses.
func (p *platform) anyPort() string {
	if p.options.registry == "memory" {
		return "127.0.0.1:0"
	}
	return ":0"
}

// start starts the services in order, and returns when all of them are ready.
func (p *platform) start(ctx context.Context) error {
	for _, svc := range p.services {
		if err := svc.Start(ctx); err != nil {
			return err
		}
	}
	if p.gate != nil {
		p.gate.open()
	}
	return nil
}

// stop stops the services, the gateway first, and releases all resources. A memory bus is
// drained while all services still subscribe.
func (p *platform) stop(ctx context.Context) error {
	last := len(p.services) - 1
	faults := make([]error, len(p.services))
	faults[last] = p.services[last].Shutdown(ctx)
	if p.gate != nil && p.service == "" {
		drain, cancel := context.WithTimeout(ctx, busDrain)
		defer cancel()
		if err := p.gate.Close(drain); err != nil {
			p.log.Warn("some events are handled after the next start", "why", err)
		}
	}
	var others sync.WaitGroup
	for i, svc := range p.services[:last] {
		others.Go(func() { faults[i] = svc.Shutdown(ctx) })
	}
	others.Wait()
	return errors.Join(append(faults, p.close())...)
}

func (p *platform) close() error {
	var faults []error
	for _, c := range slices.Backward(p.closers) {
		faults = append(faults, c())
	}
	return errors.Join(faults...)
}

func (p *platform) openRegistry() error {
	switch p.options.registry {
	case "memory":
		p.registry = registry.NewMemory()
	case "consul":
		r, err := consul.New(consul.Config{Address: p.consul, Logger: p.log})
		if err != nil {
			return err
		}
		p.registry = r
		p.closers = append(p.closers, r.Close)
	default:
		return fmt.Errorf("-registry: %q is neither memory nor consul", p.options.registry)
	}
	return nil
}
