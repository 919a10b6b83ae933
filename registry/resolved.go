package registry

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/change"
)

// suspiciousLoss is the minimum number of instances that a suspicious list has lost. A
// small service often loses more than half of its instances for a good reason.
const suspiciousLoss = 3

// resolvedService is what a Resolver knows of one service. Only its follow goroutine
// changes it.
type resolvedService struct {
	mu      sync.Mutex
	current serviceState
	changed change.Signal // current.list has changed
}

type serviceState struct {
	list         []Instance // published instances: what the registry lists, and what is held back
	known        bool
	heldBack     int
	unusable     error // why an instance that is listed as healthy is not published
	err          error
	failingSince time.Time // only if err is not nil
}

// event is one item of a watch.
type event struct {
	set []Instance
	err error
}

// watch forwards what the discoverer's watch yields. A watch that ends by itself violates
// its contract and is started again, with growing pauses unless it lasts.
func watch(ctx context.Context, d Discoverer, name string, events chan<- event) {
	pauses := backoff.Policy{Min: 100 * time.Millisecond, Max: 10 * time.Second}
	for pause := time.Duration(0); ctx.Err() == nil; {
		start := time.Now()
		for set, err := range d.Watch(ctx, name) {
			select {
			case events <- event{set, err}:
			case <-ctx.Done():
				return
			}
		}
		if time.Since(start) > pauses.Max {
			pause = 0
		}
		pause = pauses.Next(pause)
		_ = backoff.Wait(ctx, pause)
	}
}

// follow turns events into the published list.
func (s *resolvedService) follow(ctx context.Context, events <-chan event, holdBack time.Duration) {
	var listed []Instance        // the registry's list
	var unusable error           // why an instance in it cannot be used
	var expired <-chan time.Time // fires when the held-back removals are accepted
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			if e.err != nil {
				expired = nil
				s.fail(e.err)
				continue
			}
			now, _ := s.snapshot()
			listed, unusable = selectCallable(e.set)
			missing := without(now.list, listed)
			switch {
			case len(missing) == 0 || holdBack == 0:
				expired, missing = nil, nil
			case expired != nil: // wait together with the earlier removals
			case now.err != nil || isImplausible(len(now.list), len(listed)):
				expired = time.After(holdBack)
			default:
				missing = nil
			}
			s.publish(listed, missing, unusable)
		case <-expired:
			expired = nil
			s.publish(listed, nil, unusable)
		}
	}
}

// notify calls f with the newest list after each change.
func (s *resolvedService) notify(ctx context.Context, changed <-chan struct{}, f func([]Instance)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		if ctx.Err() != nil {
			return
		}
		var now serviceState
		now, changed = s.snapshot()
		f(now.list)
	}
}

func (s *resolvedService) snapshot() (serviceState, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current, s.changed.Next()
}

// publish publishes the listed and the held-back instances.
func (s *resolvedService) publish(listed, heldBack []Instance, unusable error) {
	list := slices.Concat(listed, heldBack)
	slices.SortFunc(list, func(a, b Instance) int { return strings.Compare(a.ID, b.ID) })
	s.mu.Lock()
	defer s.mu.Unlock()
	same := s.current.known && slices.EqualFunc(s.current.list, list, isEquivalent)
	if same {
		list = s.current.list
	}
	s.current = serviceState{list: list, known: true, heldBack: len(heldBack), unusable: unusable}
	if !same {
		s.changed.Notify()
	}
}

func (s *resolvedService) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.err == nil {
		s.current.failingSince = time.Now()
	}
	s.current.err = err
}

// selectCallable returns the healthy instances with an endpoint that may be called; other
// programs may have registered the others. unusable is why an endpoint may not be called.
func selectCallable(all []Instance) (usable []Instance, unusable error) {
	usable = slices.DeleteFunc(slices.Clone(all), func(i Instance) bool {
		if i.Status != Healthy {
			return true
		}
		err := i.checkEndpoint()
		if err != nil {
			unusable = err
		}
		return err != nil
	})
	return usable, unusable
}

// without returns the instances of before whose ID is not in after.
func without(before, after []Instance) []Instance {
	ids := make(map[string]bool, len(after))
	for _, i := range after {
		ids[i.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(before), func(i Instance) bool { return ids[i.ID] })
}

// isImplausible reports whether the list has lost too much at once. Instances that were
// replaced by others are no loss.
func isImplausible(before, after int) bool {
	lost := before - after
	return lost >= suspiciousLoss && 2*lost > before
}
