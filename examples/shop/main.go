// Command shop is a shop of seven services in one process: gateway, user, product,
// inventory, order, payment and logistics, with a bank that stands in for Stripe and an
// auditor. It places an order, prints each step of it, and keeps running. With -registry,
// -bus and -service the same services run as separate processes; -db and -saga choose
// PostgreSQL and Temporal.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.gateway, "gateway", "127.0.0.1:8080", "address of the gateway; :8080 lets other machines in")
	flag.StringVar(&o.service, "service", "", "run this service alone")
	flag.StringVar(&o.data, "data", "", "folder of the SQLite databases (default: in memory)")
	flag.StringVar(&o.registry, "registry", "memory", "memory or consul")
	flag.StringVar(&o.consul, "consul", "127.0.0.1:8500", "address of Consul")
	flag.StringVar(&o.db, "db", "", "URL of a PostgreSQL database, postgres://… (default: SQLite)")
	flag.StringVar(&o.bus, "bus", "memory", "memory, nats or kafka")
	flag.StringVar(&o.nats, "nats", "nats://127.0.0.1:4222", "URL of NATS")
	flag.StringVar(&o.kafka, "kafka", "127.0.0.1:9092", "address of a broker of Kafka")
	flag.StringVar(&o.saga, "saga", "embedded", "embedded, in the database of the orders, or temporal")
	flag.StringVar(&o.temporal, "temporal", "127.0.0.1:7233", "address of a server of Temporal")
	flag.StringVar(&o.stripe, "stripe", "", "URL of Stripe or stripe-mock (default: the shop's own bank)")
	flag.StringVar(&o.key, "stripe-key", bankKey, "secret key for -stripe")
	flag.StringVar(&o.webhooks, "stripe-webhooks", bankSecret, "secret of the webhooks of -stripe, which go to /webhooks/stripe of the payment service")
	once := flag.Bool("once", false, "end after the first order is delivered")
	verbose := flag.Bool("v", false, "show each service's log on stderr")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "shop: %q is no flag; shop -h lists those that there are\n", flag.Arg(0))
		os.Exit(2)
	}

	level := slog.LevelWarn
	if *verbose || o.service != "" {
		level = slog.LevelInfo
	}
	o.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	slog.SetDefault(o.log)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, o, *once); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, once bool) error {
	p, err := newPlatform(o)
	if err != nil {
		return err
	}
	if o.service == "" {
		fmt.Println(noQuestions)
	}
	err = p.start(ctx)
	if err == nil && o.service == "" {
		err = p.demonstrate(ctx, once)
	}
	if err == nil && !once {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		err = nil // a signal is no failure
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return errors.Join(err, p.stop(drain))
}

// demonstrate runs the demo. If that fails, a shop without -once keeps running.
func (p *platform) demonstrate(ctx context.Context, once bool) error {
	err := p.demo(ctx)
	if err == nil || once || ctx.Err() != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "shop: the demonstration failed: %v\nThe shop is open at %s all the same.\n", err, p.gatewayURL())
	return nil
}
