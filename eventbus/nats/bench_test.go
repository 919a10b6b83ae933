package nats_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/realserver"
)

// BenchmarkOneMember measures how fast one member handles a backlog.
func BenchmarkOneMember(b *testing.B) {
	for _, took := range []time.Duration{0, 2 * time.Millisecond, 40 * time.Millisecond} {
		b.Run(fmt.Sprint("handler=", took), func(b *testing.B) { workOff(b, took) })
	}
}

func workOff(b *testing.B, took time.Duration) {
	bus := open(b, realserver.NATS(b).Addr)
	subscribe := func(h eventbus.Handler) func(context.Context) error {
		stop, err := bus.Subscribe("t", "g", h)
		if err != nil {
			b.Fatal(err)
		}
		return stop
	}
	ignore := func(context.Context, eventbus.Event) error { return nil }
	if err := subscribe(ignore)(b.Context()); err != nil { // creates the group
		b.Fatal(err)
	}
	var publishers sync.WaitGroup
	for p := range 8 {
		publishers.Go(func() {
			for i := p; i < b.N; i += 8 {
				if err := bus.Publish(b.Context(), "t", eventbus.Event{Key: fmt.Sprint(i % 64), Data: []byte("{}")}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	publishers.Wait()
	handled := make(chan struct{}, b.N)
	b.ResetTimer()
	subscribe(func(context.Context, eventbus.Event) error {
		if took > 0 {
			<-time.After(took)
		}
		handled <- struct{}{}
		return nil
	})
	for range b.N {
		<-handled
	}
}
