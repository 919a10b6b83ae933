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
	// queryWait is how long Consul may block a query while nothing changes. It also
	// limits for how long a watch can miss that Consul's index was reset: if a server
	// restarts without its data before the next query, it blocks that query as if its
	// index were yet to come.
	queryWait = 10 * time.Second
	// queryGrace is how much later an answer may arrive: Consul adds a sixteenth of the
	// wait, and the network takes some time.
	queryGrace = queryWait/16 + 8*time.Second
	// minQueryInterval is the minimum time between an answer and the next query, so that
	// a storm of changes costs twenty queries per second and not thousands.
	minQueryInterval = 50 * time.Millisecond
)

// The pauses after a query that failed, and after an early answer with nothing new.
var (
	errorBackoff     = backoff.Policy{Min: 100 * time.Millisecond, Max: 5 * time.Second}
	unchangedBackoff = backoff.Policy{Min: minQueryInterval, Max: time.Second}
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

// Services implements [registry.Discoverer]. It makes one query for each service that has
// the tags. It omits Consul's own servers, and services whose name Consul cannot find.
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

// watch is the state of a watch between two queries.
type watch struct {
	registry *Registry
	name     string

	index      uint64              // of the previous answer; 0 requests an immediate answer
	known      bool                // whether last is valid
	last       []registry.Instance // what the reader got last
	pause      time.Duration       // before the next query
	errorPause time.Duration       // pause after the previous failure, 0 if there was none
	idlePause  time.Duration       // pause after the previous early answer
}

// next makes one query, and decides when and with which index to make the next.
func (w *watch) next(ctx context.Context) (set []registry.Instance, changed bool, err error) {
	if err := checkName(w.name); err != nil {
		w.errorPause = errorBackoff.Next(w.errorPause)
		w.pause = w.errorPause
		return nil, false, err
	}
	asked := time.Now()
	limited, cancel := context.WithTimeout(ctx, queryWait+queryGrace)
	defer cancel()
	query := (&api.QueryOptions{WaitIndex: w.index, WaitTime: queryWait}).WithContext(limited)
	entries, meta, err := w.registry.client.Health().Service(w.name, "", false, query)
	if err != nil {
		// The next answer may come from another server, or from one that lost its data.
		w.index, w.known = 0, false
		w.errorPause = errorBackoff.Next(w.errorPause)
		w.pause = w.errorPause
		return nil, false, w.registry.fault(ctx, err, "watch service "+w.name)
	}
	w.errorPause = 0
	w.index = nextIndex(w.index, meta.LastIndex)
	set = instances(entries)
	changed = !w.known || !reflect.DeepEqual(set, w.last)
	w.known, w.last = true, set
	switch {
	case changed:
		w.idlePause, w.pause = 0, minQueryInterval
	case time.Since(asked) >= queryWait:
		w.idlePause, w.pause = 0, 0
	default:
		w.idlePause = unchangedBackoff.Next(w.idlePause)
		w.pause = w.idlePause
	}
	return set, changed, nil
}

// nextIndex returns the index for the next query, after a query with asked was answered
// with got. An index that went backwards belongs to another history: it requests an
// immediate answer. An index of 0 is a bug of Consul that would make every query return
// immediately. See "Blocking queries" in Consul's HTTP API documentation.
func nextIndex(asked, got uint64) uint64 {
	if got < asked {
		return 0
	}
	return max(got, 1)
}

// instances returns the instances of an answer, sorted, one for each ID. An ID that moved
// to another agent is also listed by the old agent until it expires there.
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
