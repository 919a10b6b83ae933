package order

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/transport/rest"
)

// pollInterval is how often an order is read that another process may have changed.
const pollInterval = 2 * time.Second

// watchers get the orders that this process changes.
type watchers struct {
	mu  sync.Mutex
	all map[string][]chan api.Order // by the ID of the order
}

// add returns what becomes of an order, until stop is called.
func (w *watchers) add(id string) (changes <-chan api.Order, stop func()) {
	c := make(chan api.Order, 16) // more than an order has statuses
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[string][]chan api.Order{}
	}
	w.all[id] = append(w.all[id], c)
	return c, func() { w.remove(id, c) }
}

func (w *watchers) remove(id string, c chan api.Order) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var left []chan api.Order
	for _, other := range w.all[id] {
		if other != c {
			left = append(left, other)
		}
	}
	if w.all[id] = left; left == nil {
		delete(w.all, id)
	}
}

// notify passes a changed order on. A watcher who is too slow reads the order later.
func (w *watchers) notify(o *api.Order) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.all[o.ID] {
		select {
		case c <- *o:
		default:
		}
	}
}

// watch streams the status of an order: the present one, unless the caller has seen it, and
// each that follows.
func (s *Service) watch(ctx context.Context, r *api.OrderWatch) (iter.Seq2[rest.Event[api.OrderProgress], error], error) {
	if _, err := s.GetOrder(ctx, r.ID); err != nil {
		return nil, err
	}
	return func(yield func(rest.Event[api.OrderProgress], error) bool) {
		changes, stop := s.watchers.add(r.ID)
		defer stop()
		poll := time.NewTicker(pollInterval)
		defer poll.Stop()
		last := r.Last
		o, err := s.GetOrder(ctx, r.ID)
		for {
			if err != nil {
				yield(rest.Event[api.OrderProgress]{}, err)
				return
			}
			if o.Status != last {
				last = o.Status
				progress := api.OrderProgress{OrderID: o.ID, Status: o.Status, At: o.UpdatedAt}
				if !yield(rest.Event[api.OrderProgress]{ID: string(o.Status), Data: progress}, nil) {
					return
				}
			}
			if isOver(last) || last == api.OrderDelivered {
				return
			}
			select {
			case <-ctx.Done():
				return
			case changed := <-changes:
				o = &changed
			case <-poll.C:
				if len(changes) == 0 { // else an older status would come after it
					o, err = s.GetOrder(ctx, r.ID)
				}
			}
		}
	}, nil
}
