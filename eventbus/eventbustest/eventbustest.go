// Package eventbustest tests implementations of eventbus.Bus, and with [Converges] what is
// made of their events. The author of a bus runs
//
//	func TestBus(t *testing.T) {
//		eventbustest.Run(t, eventbustest.Features{}, func(t *testing.T) eventbus.Bus { return mine.New() })
//	}
//
// # Guarantees
//
// Each rule is a subtest with its own bus and topics, and logs the rule as a sentence.
// The suite runs in the virtual time of testing/synctest, unless Features.RealTime says
// that the bus cannot.
package eventbustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/change"
	"github.com/sinew-go/sinew/internal/suite"
)

// Features say what a bus cannot do, and how it is tested. The zero Features is held to
// every rule.
type Features struct {
	// RealTime says that the bus does not live in this process alone, so that time cannot
	// be virtual.
	RealTime bool
	// ForgetsGroups says that a group ends with its last member, and gets nothing of what
	// is published while it has none.
	ForgetsGroups bool
	// NoBackPressure says that Publish does not wait for slow handlers, because the bus has
	// room for all events.
	NoBackPressure bool
	// SharesPartitions says that several keys share a partition, so that a failing event
	// may also block the events of other keys.
	SharesPartitions bool
	// LosesWaiting says that the bus loses what waits when the last member of a group leaves,
	// and when it is closed.
	LosesWaiting bool
	// NoOrder says that events come in any order, also those of one key, and several of a
	// key at once.
	NoOrder bool
	// NoRedrive says that the bus is no eventbus.Replayer, so that Redrive cannot bring dead
	// letters back.
	NoRedrive bool
	// NoSchedule says that the bus is no eventbus.Scheduler.
	NoSchedule bool
	// NoLag says that the bus is no eventbus.LagReporter.
	NoLag bool
	// Events is the number of events in the rules about many events. The default is 2000.
	Events int
	// LargestData is the size of the largest data in the rules, in bytes. Set it just below
	// the limit of the bus. The default is 128 KiB.
	LargestData int
}

// New returns a new bus for the rule that t tests, which closes the bus. Unless
// Features.ForgetsGroups is set, the bus must know the groups of earlier buses that New
// has returned for the same rule.
type New func(t *testing.T) eventbus.Bus

// Run runs every rule as a subtest.
func Run(t *testing.T, f Features, n New) {
	t.Helper()
	if f.Events == 0 {
		f.Events = 2000
	}
	if f.LargestData == 0 {
		f.LargestData = 128 << 10
	}
	suite.Suite[Features, *subject]{
		Rules: slices.Concat(delivery, deadLetters, schedules, payloads, badInput, groups, members, processes, closing), Features: f, RealTime: f.RealTime,
		Subject: func(t *testing.T) *subject {
			s := &subject{T: t, Features: f, open: n, bus: n(t), topic: suite.Name()}
			t.Cleanup(func() { _ = s.bus.Close(s.limited()) })
			return s
		},
	}.Run(t)
}

// rule is one guarantee of every bus.
type rule = suite.Rule[Features, *subject]

// subject is the bus under test.
type subject struct {
	*testing.T
	Features
	open  New
	bus   eventbus.Bus
	topic string
}

// errNotYet makes the bus redeliver the event.
var errNotYet = errors.New("not yet")

// waitLimit is how long a rule waits for an expected event.
const waitLimit = 30 * time.Second

func (s *subject) limited() context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.Context()), waitLimit)
	s.Cleanup(cancel)
	return ctx
}

func (s *subject) publish(key string, data ...string) {
	s.Helper()
	for _, d := range data {
		if err := s.bus.Publish(s.limited(), s.topic, eventbus.Event{ID: key + "/" + d, Source: "test", Key: key, DataContentType: "text/plain", Data: []byte(d)}); err != nil {
			s.Fatalf("publish: %v", err)
		}
	}
}

func (s *subject) subscribe(group string, h eventbus.Handler) (stop func(context.Context) error) {
	s.Helper()
	stop, err := s.bus.Subscribe(s.topic, group, h)
	if err != nil {
		s.Fatalf("subscribe: %v", err)
	}
	return stop
}

// log records the events that handlers got. A rule can wait for changes.
type log struct {
	mu      sync.Mutex
	seen    []eventbus.Event
	changed change.Signal
}

func newLog() *log { return &log{} }

func (l *log) add(e eventbus.Event) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, e)
	l.changed.Notify()
	return len(l.seen)
}

func (l *log) record(_ context.Context, e eventbus.Event) error {
	l.add(e)
	return nil
}

func (l *log) all() []eventbus.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.seen)
}

// wait waits until ok is true for the events seen, and returns them.
func (s *subject) wait(l *log, what string, ok func([]eventbus.Event) bool) []eventbus.Event {
	s.Helper()
	ctx := s.limited()
	for {
		l.mu.Lock()
		seen, changed := slices.Clone(l.seen), l.changed.Next()
		l.mu.Unlock()
		if ok(seen) {
			return seen
		}
		select {
		case <-changed:
		case <-ctx.Done():
			s.Fatalf("waited in vain for %s; saw %d events", what, len(seen))
		}
	}
}

func atLeast(n int) func([]eventbus.Event) bool {
	return func(seen []eventbus.Event) bool { return distinct(seen) >= n }
}

func includes(ids []string) func([]eventbus.Event) bool {
	return func(seen []eventbus.Event) bool {
		had := map[string]bool{}
		for _, e := range seen {
			had[e.ID] = true
		}
		return !slices.ContainsFunc(ids, func(id string) bool { return !had[id] })
	}
}

func distinct(events []eventbus.Event) int {
	ids := map[string]bool{}
	for _, e := range events {
		ids[e.ID] = true
	}
	return len(ids)
}

// checkOrder fails the test if the events of a key are not in order, unless the bus has none.
func (s *subject) checkOrder(events []eventbus.Event) {
	s.Helper()
	if err := ordered(events); err != nil && !s.NoOrder {
		s.Error(err)
	}
}

// ordered reports the first violation of the order within a key. It ignores redeliveries.
func ordered(events []eventbus.Event) error {
	last := map[string]string{}
	seen := map[string]bool{}
	for _, e := range events {
		if seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		if data := string(e.Data); data <= last[e.Key] {
			return fmt.Errorf("key %s: %s after %s", e.Key, data, last[e.Key])
		} else {
			last[e.Key] = data
		}
	}
	return nil
}

// numbers returns n texts in order.
func numbers(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%08d", i)
	}
	return all
}
