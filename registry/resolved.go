package registry

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/internal/backoff"
)

// suspiciousLoss is how many instances must be lost at once to be suspicious:
// of a smaller service more than half is soon gone for good reason.
const suspiciousLoss = 3

// resolved is what a Resolver knows of one service. Its follow goroutine alone
// changes it.
type resolved struct {
	mu      sync.Mutex
	now     state
	changed chan struct{} // closed when now.list changes
}

type state struct {
	list    []Instance // handed out: what the registry lists, and what is held back
	known   bool
	held    int
	unfit   error // why one that is listed as healthy is not handed out
	err     error
	failing time.Time // since when, if err is not nil
}

// event is one thing that a watch gave.
type event struct {
	set []Instance
	err error
}

// watch hands on what the discoverer's watch gives. One that ends by itself
// breaks its promise, and is begun anew: ever more seldom, unless it lasts.
func watch(ctx context.Context, d Discoverer, name string, events chan<- event) {
	pauses := backoff.Policy{Min: 100 * time.Millisecond, Max: 10 * time.Second}
	for pause := time.Duration(0); ctx.Err() == nil; {
		begun := time.Now()
		for set, err := range d.Watch(ctx, name) {
			select {
			case events <- event{set, err}:
			case <-ctx.Done():
				return
			}
		}
		if time.Since(begun) > pauses.Max {
			pause = 0
		}
		pause = pauses.Next(pause)
		_ = backoff.Wait(ctx, pause)
	}
}

// follow turns events into the list that is handed out.
func (s *resolved) follow(ctx context.Context, events <-chan event, hold time.Duration) {
	var listed []Instance    // what the registry says
	var unfit error          // and what is wrong with one that it says, too
	var due <-chan time.Time // when what is held back is believed
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			if e.err != nil {
				due = nil
				s.fail(e.err)
				continue
			}
			now, _ := s.look()
			listed, unfit = callable(e.set)
			missing := without(now.list, listed)
			switch {
			case len(missing) == 0 || hold == 0:
				due, missing = nil, nil
			case due != nil: // they wait with the others
			case now.err != nil || implausible(len(now.list), len(listed)):
				due = time.After(hold)
			default:
				missing = nil
			}
			s.accept(listed, missing, unfit)
		case <-due:
			due = nil
			s.accept(listed, nil, unfit)
		}
	}
}

// tell calls f with the newest list after each change.
func (s *resolved) tell(ctx context.Context, changed <-chan struct{}, f func([]Instance)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		if ctx.Err() != nil {
			return
		}
		var now state
		now, changed = s.look()
		f(now.list)
	}
}

func (s *resolved) look() (state, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now, s.changed
}

// accept hands out what is listed and what is held back.
func (s *resolved) accept(listed, held []Instance, unfit error) {
	list := slices.Concat(listed, held)
	slices.SortFunc(list, func(a, b Instance) int { return strings.Compare(a.ID, b.ID) })
	s.mu.Lock()
	defer s.mu.Unlock()
	same := s.now.known && slices.EqualFunc(s.now.list, list, equal)
	if same {
		list = s.now.list
	}
	s.now = state{list: list, known: true, held: len(held), unfit: unfit}
	if !same {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

func (s *resolved) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.err == nil {
		s.now.failing = time.Now()
	}
	s.now.err = err
}

// callable are those that are healthy and have an endpoint that may be called:
// others than we may have written it. unfit is what is wrong with one that has not.
func callable(all []Instance) (some []Instance, unfit error) {
	some = slices.DeleteFunc(slices.Clone(all), func(i Instance) bool {
		if i.Status != Healthy {
			return true
		}
		err := i.callable()
		if err != nil {
			unfit = err
		}
		return err != nil
	})
	return some, unfit
}

// without is those of before whose id is not in after.
func without(before, after []Instance) []Instance {
	ids := make(map[string]bool, len(after))
	for _, i := range after {
		ids[i.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(before), func(i Instance) bool { return ids[i.ID] })
}

// implausible says that the list has lost too much at once. Instances that
// others took the place of are no loss.
func implausible(before, after int) bool {
	lost := before - after
	return lost >= suspiciousLoss && 2*lost > before
}
