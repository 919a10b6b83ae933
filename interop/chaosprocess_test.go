package interop_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/kafka"
	"github.com/sinew-go/sinew/eventbus/nats"
	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/eventbus/outbox/postgres"
)

// chaosVariable makes the program of the tests a process that a test kills.
const chaosVariable = "SINEW_CHAOS_PROCESS"

// What a process does.
const (
	publisher = "publisher"
	relay     = "relay"
	consumer  = "consumer"
)

// chaosProcess is the value of chaosVariable.
type chaosProcess struct {
	Role            string
	Driver, Source  string // the database
	Broker, Address string
	Orders          int // when publishers end
}

// runChaosProcess is the whole process. It ends when its standard input does.
func runChaosProcess() {
	var p chaosProcess
	err := json.Unmarshal([]byte(os.Getenv(chaosVariable)), &p)
	if err == nil {
		ctx, end := context.WithCancel(context.Background())
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			end()
		}()
		slog.SetDefault(slog.Default().With("process", p.Role))
		err = p.run(ctx)
	}
	if err != nil {
		panic(err)
	}
}

func (p chaosProcess) run(ctx context.Context) error {
	bus, err := p.openBus(slog.Default())
	if err != nil {
		return err
	}
	defer func() { _ = bus.Close(context.Background()) }()
	shop, err := p.openShop(bus)
	if err != nil {
		return err
	}
	switch p.Role {
	case publisher:
		p.publish(ctx, shop)
	case relay:
		var listening sync.WaitGroup
		if p.Driver == "pgx" {
			listening.Go(func() { _ = postgres.Listen(ctx, p.Source, shop.box) })
		}
		shop.box.Run(ctx)
		listening.Wait()
	case consumer:
		for range 4 { // events at once
			err := orderPlaced.Handle(bus, ledgerGroup, func(ctx context.Context, o placedOrder) error {
				err := shop.apply(ctx, o)
				<-time.After(rand.N(2 * time.Millisecond)) // kills shall come between commit and acknowledgement, too
				return err
			})
			if err != nil {
				return err
			}
		}
		<-ctx.Done()
	}
	return nil
}

// openBus connects to the broker. After the death of a consumer, others soon get its events.
func (p chaosProcess) openBus(log *slog.Logger) (eventbus.Replayer, error) {
	if p.Broker == "nats" {
		return nats.New(nats.Config{URL: p.Address, AckWait: 2 * time.Second, Logger: log})
	}
	return kafka.New(kafka.Config{Brokers: []string{p.Address}, SessionTimeout: 2 * time.Second, Logger: log})
}

// openShop opens the database. The outbox publishes on the bus.
func (p chaosProcess) openShop(bus eventbus.Bus) (ledgerShop, error) {
	db, err := sql.Open(p.Driver, p.Source)
	if err != nil {
		return ledgerShop{}, err
	}
	c := outbox.Config{DB: db, Bus: bus, Lease: 2 * time.Second}
	if p.Driver == "sqlite" {
		db.SetMaxOpenConns(1)
		c.Poll = 50 * time.Millisecond
	} else {
		c.Notify = true
	}
	box, err := outbox.New(c)
	return ledgerShop{db: db, box: box}, err
}

// publish places orders of random customers until there are enough. It waits while many
// orders are not applied, so that all processes work until the end.
func (p chaosProcess) publish(ctx context.Context, shop ledgerShop) {
	const atOnce, some = 4, 8
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for ctx.Err() == nil {
				placed, applied, err := shop.counts(ctx)
				if err != nil || placed >= p.Orders || placed-applied >= p.Orders/10 {
					<-time.After(50 * time.Millisecond)
					continue
				}
				for range some {
					placeOne(ctx, shop)
				}
			}
		})
	}
	all.Wait()
}

// placeOne tries to place an order, even if ctx has ended.
func placeOne(ctx context.Context, shop ledgerShop) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := shop.place(ctx, rand.N(customers), 1+rand.N(99)); err != nil {
		slog.Warn(fmt.Sprintf("an order is not placed: %v", err))
		<-time.After(50 * time.Millisecond)
	}
}
