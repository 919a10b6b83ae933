package simtest

import (
	"sync"
	"time"

	"github.com/sinew-go/sinew/breaker"
)

const (
	bucket   = 100 * time.Millisecond // how exact counts are in time
	sampling = 250 * time.Millisecond // how often states are looked at
)

// record is what a run has seen.
type record struct {
	mu       sync.Mutex
	requests []request
	calls    map[string]counts   // by service
	attempts map[string][]counts // by service and instance
	open     map[string]counts   // by "caller → service": breakers that were not closed, by sample
}

// request is one call of a client.
type request struct {
	at, took time.Duration
	good     bool
	err      error
}

// counts are counters in time, by bucket or by sample.
type counts []int

func (c *counts) add(at int, n int) {
	for len(*c) <= at {
		*c = append(*c, 0)
	}
	(*c)[at] += n
}

// between is their sum over the buckets of a window.
func (c counts) between(from, to time.Duration) (sum int) {
	last := int((to + bucket - 1) / bucket)
	for at := int(from / bucket); at < min(last, len(c)); at++ {
		sum += c[at]
	}
	return sum
}

func newRecord(w World) *record {
	s := &record{calls: map[string]counts{}, attempts: map[string][]counts{}, open: map[string]counts{}}
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
	c.add(int(at/bucket), 1)
	s.calls[service] = c
}

func (s *record) attempt(i *Instance, at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.attempts[i.service.Name]
	for len(all) <= i.number {
		all = append(all, nil)
	}
	all[i.number].add(int(at/bucket), 1)
	s.attempts[i.service.Name] = all
}

// states notes which of a process' breakers are not closed.
func (s *record) states(at time.Duration, p *Process) {
	for _, name := range p.calls() {
		n := 0
		if p.Service.Client(name).Snapshot().Breaker.State != breaker.Closed {
			n = 1
		}
		s.mu.Lock()
		key := p.kind + " → " + name
		c := s.open[key]
		c.add(int(at/sampling), n)
		s.open[key] = c
		s.mu.Unlock()
	}
}
