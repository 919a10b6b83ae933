package consul

import (
	"cmp"
	"context"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/registry"
)

const (
	// queryWait is how long Consul may hold a query while nothing changes. It
	// bounds for how long a watch can miss that Consul's index began anew: a
	// server that is back without its data before the next query is sent holds
	// that one, as if its index were yet to come.
	queryWait = 10 * time.Second
	// queryGrace is how much later an answer may come: Consul adds a sixteenth
	// of the wait, and then it has to travel.
	queryGrace = queryWait/16 + 8*time.Second
	// settle is the least time between an answer and the next query, so that a
	// storm of changes costs twenty queries per second and not thousands.
	settle = 50 * time.Millisecond
)

// The pauses after a query that failed, and after one that ended early and
// brought nothing new.
var (
	afterError   = backoff.Policy{Min: 100 * time.Millisecond, Max: 5 * time.Second}
	afterNothing = backoff.Policy{Min: settle, Max: time.Second}
)

// Watch implements [registry.Discoverer].
func (r *Registry) Watch(ctx context.Context, name string) iter.Seq2[[]registry.Instance, error] {
	return func(yield func([]registry.Instance, error) bool) {
		w := watch{registry: r, name: name}
		for ctx.Err() == nil {
			set, changed, err := w.next(ctx)
			if ctx.Err() != nil || (changed || err != nil) && !yield(set, err) {
				return
			}
			_ = backoff.Wait(ctx, w.pause)
		}
	}
}

// Services implements [registry.Discoverer], with one query for each service
// that has the tags. Consul's own servers are left out, and so are services whose
// name Consul does not find.
func (r *Registry) Services(ctx context.Context, tags ...string) ([]registry.Instance, error) {
	names, _, err := r.client.Catalog().Services((&api.QueryOptions{}).WithContext(ctx))
	if err != nil {
		return nil, r.fault(ctx, err, "list the services")
	}
	found := []registry.Instance{}
	for name, has := range names {
		if name == "consul" || checkName(name) != nil || !(registry.Instance{Tags: has}).HasTags(tags...) {
			continue
		}
		entries, _, err := r.client.Health().Service(name, "", false, (&api.QueryOptions{}).WithContext(ctx))
		if err != nil {
			return nil, r.fault(ctx, err, "read service "+name)
		}
		for _, i := range instances(entries) {
			if i.HasTags(tags...) {
				found = append(found, i)
			}
		}
	}
	slices.SortFunc(found, func(a, b registry.Instance) int { return strings.Compare(a.ID, b.ID) })
	return found, nil
}

// watch is the state between two queries of one watch.
type watch struct {
	registry *Registry
	name     string

	index   uint64 // of the answer before; 0 asks for an answer at once
	known   bool   // last is what the reader was given last
	last    []registry.Instance
	pause   time.Duration // before the next query
	failing time.Duration // pause after the failure before, 0 if there was none
	idle    time.Duration // pause after the early answer before
}

// next makes one query and decides when to make the next and with what index.
func (w *watch) next(ctx context.Context) (set []registry.Instance, changed bool, err error) {
	if err := checkName(w.name); err != nil {
		w.failing = afterError.Next(w.failing)
		w.pause = w.failing
		return nil, false, err
	}
	asked := time.Now()
	limited, cancel := context.WithTimeout(ctx, queryWait+queryGrace)
	defer cancel()
	query := (&api.QueryOptions{WaitIndex: w.index, WaitTime: queryWait}).WithContext(limited)
	entries, meta, err := w.registry.client.Health().Service(w.name, "", false, query)
	if err != nil {
		// Whoever answers next may be another server, or one that forgot.
		w.index, w.known = 0, false
		w.failing = afterError.Next(w.failing)
		w.pause = w.failing
		return nil, false, w.registry.fault(ctx, err, "watch service "+w.name)
	}
	w.failing = 0
	w.index = nextIndex(w.index, meta.LastIndex)
	set = instances(entries)
	changed = !w.known || !reflect.DeepEqual(set, w.last)
	w.known, w.last = true, set
	switch {
	case changed:
		w.idle, w.pause = 0, settle
	case time.Since(asked) >= queryWait:
		w.idle, w.pause = 0, 0
	default:
		w.idle = afterNothing.Next(w.idle)
		w.pause = w.idle
	}
	return set, changed, nil
}

// nextIndex is the index to ask with after an answer had the index got. One
// that went back belongs to another history: ask for an answer at once. One of
// 0 is a fault of Consul's that would make every query return at once.
// See "Blocking queries" in Consul's HTTP API documentation.
func nextIndex(asked, got uint64) uint64 {
	if got < asked {
		return 0
	}
	return max(got, 1)
}

// instances are those of an answer, sorted, one for each id: an id that moved
// to another agent is listed by the old one until it expires there.
func instances(entries []*api.ServiceEntry) []registry.Instance {
	all := make([]registry.Instance, 0, len(entries))
	for _, e := range entries {
		if e != nil && e.Service != nil {
			all = append(all, instance(e))
		}
	}
	slices.SortFunc(all, func(a, b registry.Instance) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), compareHealth(a, b), b.UpdatedAt.Compare(a.UpdatedAt))
	})
	return slices.CompactFunc(all, func(a, b registry.Instance) bool { return a.ID == b.ID })
}

func compareHealth(a, b registry.Instance) int {
	switch {
	case a.Status == b.Status:
		return 0
	case a.Status == registry.Healthy:
		return -1
	case b.Status == registry.Healthy:
		return 1
	}
	return 0
}
