package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/kafka"
	"github.com/sinew-go/sinew/eventbus/nats"
)

// busDrain is how long a stopping shop handles the events in its memory bus. The rest is
// sent again at the next start.
const busDrain = 10 * time.Second

func (p *platform) openBus() error {
	switch p.options.bus {
	case "memory":
		p.gate = &gate{Bus: eventbus.NewMemory(eventbus.MemoryPolicy{}), opened: make(chan struct{})}
		p.bus = p.gate
	case "nats":
		b, err := nats.New(nats.Config{URL: p.nats, Logger: p.log})
		if err != nil {
			return err
		}
		p.bus = b
	case "kafka":
		b, err := kafka.New(kafka.Config{Brokers: []string{p.kafka}, Logger: p.log})
		if err != nil {
			return err
		}
		p.bus = b
	default:
		return fmt.Errorf("-bus: %q is none of memory, nats and kafka", p.options.bus)
	}
	p.closers = append(p.closers, func() error { return p.bus.Close(context.Background()) })
	return nil
}

// gate blocks Publish on a memory bus until all services of this process have subscribed,
// because a memory bus drops an event without a subscriber.
type gate struct {
	eventbus.Bus
	opened chan struct{}
	once   sync.Once
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// Publish implements [eventbus.Publisher].
func (g *gate) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	select {
	case <-g.opened:
		return g.Bus.Publish(ctx, topic, events...)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Hears reports whether the topic has a subscriber; events without one are counted.
func (g *gate) Hears(topic string) bool {
	memory, ok := g.Bus.(*eventbus.Memory)
	return !ok || memory.Hears(topic)
}

// Close implements [eventbus.Bus]. A Publish that waits at the gate returns the error of
// the closed bus.
func (g *gate) Close(ctx context.Context) error {
	defer g.open()
	return g.Bus.Close(ctx)
}
