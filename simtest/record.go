package simtest

import (
	"sync"
	"time"

	"github.com/sinew-go/sinew/breaker"
)

const (
	countInterval  = 100 * time.Millisecond // the resolution of counts
	sampleInterval = 250 * time.Millisecond // how often states are sampled
)

// record is the data that a run collects.
type record struct {
	mu       sync.Mutex
	requests []request
	calls    map[string]counts    // by service
	attempts map[string][]counts  // by service and instance
	breakers map[string]*breakers // by "caller → service"
}

// request is one call of a client.
type request struct {
	at, took time.Duration
	good     bool
	err      error
}

// breakers counts the breakers of a caller's processes for one service, by sample.
type breakers struct{ all, open counts }

// counts are counters over time, by interval or by sample.
type counts []int

func (c *counts) add(at int, n int) {
	for len(*c) <= at {
		*c = append(*c, 0)
	}
	(*c)[at] += n
}

// inWindow sums the intervals of a window.
func (c counts) inWindow(from, to time.Duration) int { return c.sum(from, to, countInterval) }

// sum adds counters that each cover the time each.
func (c counts) sum(from, to, each time.Duration) (sum int) {
	last := min(int((to+each-1)/each), len(c))
	for at := int(max(from, 0) / each); at < last; at++ {
		sum += c[at]
	}
	return sum
}

func newRecord(w World) *record {
	s := &record{calls: map[string]counts{}, attempts: map[string][]counts{}, breakers: map[string]*breakers{}}
	for _, service := range w.Services {
		s.calls[service.Name] = nil
		s.attempts[service.Name] = nil
	}
	return s
}

func (s *record) request(at, took time.Duration, good bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request{at, took, good, err})
}

func (s *record) call(service string, at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.calls[service]
	c.add(int(at/countInterval), 1)
	s.calls[service] = c
}

func (s *record) attempt(i *Instance, at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.attempts[i.service.Name]
	for len(all) <= i.number {
		all = append(all, nil)
	}
	all[i.number].add(int(at/countInterval), 1)
	s.attempts[i.service.Name] = all
}

// sampleBreakers records which breakers of a process are not closed.
func (s *record) sampleBreakers(at time.Duration, p *Process) {
	for _, name := range p.calls() {
		open := 0
		if p.Service.Client(name).Snapshot().Breaker.State != breaker.Closed {
			open = 1
		}
		s.mu.Lock()
		key := breakerKey(p.kind, name)
		b, ok := s.breakers[key]
		if !ok {
			b = &breakers{}
			s.breakers[key] = b
		}
		b.all.add(int(at/sampleInterval), 1)
		b.open.add(int(at/sampleInterval), open)
		s.mu.Unlock()
	}
}

// breakerKey names a caller and a service.
func breakerKey(caller, service string) string { return caller + " → " + service }
