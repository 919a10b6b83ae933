package sinew_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/transport/rest"
	"github.com/sinew-go/sinew/transport/rest/resttest"
)

// OrderState is the state of an order, with a version that grows with each change.
type OrderState struct {
	ID      string `path:"id" json:"-"`
	Version int    `json:"version"`
	Status  string `json:"status"`
}

// WatchOrder asks for a state that is newer than the one with version Since.
type WatchOrder struct {
	ID    string `path:"id" json:"-"`
	Since int    `query:"since" json:"-"`
}

var watchOrder = rest.Route[*WatchOrder, *OrderState]{Pattern: "GET /orders/{id}/changes"}

// orderStates are the orders, and who waits for a change.
type orderStates struct {
	mu      sync.Mutex
	states  map[string]*OrderState
	changed chan struct{} // closed with the next change
}

func (o *orderStates) set(id, status string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	version := 1
	if before := o.states[id]; before != nil {
		version = before.Version + 1
	}
	o.states[id] = &OrderState{ID: id, Version: version, Status: status}
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *orderStates) get(id string) (state *OrderState, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.states[id], o.changed
}

// watch answers as soon as there is a newer state. If there is none before most of the
// caller's time has passed, or when the service stops, it answers the one that the caller
// has, who then asks again.
func (o *orderStates) watch(stopping <-chan struct{}) func(context.Context, *WatchOrder) (*OrderState, error) {
	return func(ctx context.Context, r *WatchOrder) (*OrderState, error) {
		wait := 30 * time.Second
		if until, limited := ctx.Deadline(); limited {
			wait = min(wait, time.Until(until)*9/10)
		}
		over := time.After(wait)
		for {
			state, changed := o.get(r.ID)
			if state == nil {
				return nil, fault.NotFound.Errorf("no order has the id %q", r.ID)
			}
			if state.Version > r.Since {
				return state, nil
			}
			select {
			case <-changed:
			case <-over:
				return state, nil
			case <-stopping:
				return state, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
}

// A long poll is a route that waits for a change. Both sides leave it out of their limits,
// to which waiting would look like an overload.
func ExampleService_Stopping_longPoll() {
	patient := limit.Adaptive{Except: []string{watchOrder.Pattern}}
	discard := slog.New(slog.DiscardHandler)
	orders := &orderStates{states: map[string]*OrderState{}, changed: make(chan struct{})}
	orders.set("o-1", "pending")

	svc := sinew.New("order", sinew.Config{Limit: patient, Logger: discard})
	watchOrder.Handle(svc, orders.watch(svc.Stopping()))

	var network resttest.Network
	defer network.Close()
	network.Serve("order", svc.Handler())
	web := sinew.New("web", sinew.Config{
		Transport: &network, Static: network.Addresses(), Logger: discard,
		Clients: map[string]sinew.ClientPolicy{"order": {Timeout: time.Minute, Limit: patient}},
	})
	ctx := context.Background()
	defer web.Shutdown(ctx)
	watch := watchOrder.Endpoint(web.Client("order"))

	state, err := watch(ctx, &WatchOrder{ID: "o-1"})
	fmt.Println(state.Version, state.Status, err)
	time.AfterFunc(time.Millisecond, func() { orders.set("o-1", "confirmed") })
	state, err = watch(ctx, &WatchOrder{ID: "o-1", Since: state.Version})
	fmt.Println(state.Version, state.Status, err)
	time.AfterFunc(time.Millisecond, func() { svc.Shutdown(ctx) })
	state, err = watch(ctx, &WatchOrder{ID: "o-1", Since: state.Version})
	fmt.Println(state.Version, state.Status, err)
	// Output:
	// 1 pending <nil>
	// 2 confirmed <nil>
	// 2 confirmed <nil>
}
