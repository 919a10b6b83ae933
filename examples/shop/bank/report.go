package bank

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/sinew-go/sinew/examples/shop/stripe"
)

func event(kind string, about *intent) stripe.Event {
	e := stripe.Event{ID: "evt_" + rand.Text(), Type: kind}
	e.Data.Intent = about.Intent
	return e
}

// send queues events for the shop. Beyond the queue, and at the end of the process, they
// are lost, which a shop survives.
func (b *Bank) send(happened ...stripe.Event) {
	for _, e := range happened {
		select {
		case b.events <- e:
		default:
		}
	}
}

// sendReports reports events until ctx ends.
func (b *Bank) sendReports(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-b.events:
			b.sendReport(ctx, e)
		}
	}
}

// sendReport tries three times at most. A shop that misses an event asks for the payment
// again, with its key.
func (b *Bank) sendReport(ctx context.Context, e stripe.Event) {
	body, err := json.Marshal(e)
	for pause := time.Second; err == nil && pause <= 4*time.Second && ctx.Err() == nil; pause *= 2 {
		if _, err := b.report(ctx, stripe.Sign(b.secret, body, time.Now())); err == nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
