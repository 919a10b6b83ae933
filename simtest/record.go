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

// breakers are those of a caller's processes for one service, by sample.
type breakers struct{ all, open counts }

// counts are counters in time, by bucket or by sample.
type counts []int

func (c *counts) add(at int, n int) {
	for len(*c) <= at {
		*c = append(*c, 0)
	}
	(*c)[at] += n
}

// during is their sum over the buckets of a window.
func (c counts) during(from, to time.Duration) int { return c.sum(from, to, bucket) }

// sum is that of counters which are each about so much time.
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
		open := 0
		if p.Service.Client(name).Snapshot().Breaker.State != breaker.Closed {
			open = 1
		}
		s.mu.Lock()
		key := towards(p.kind, name)
		b, there := s.breakers[key]
		if !there {
			b = &breakers{}
			s.breakers[key] = b
		}
		b.all.add(int(at/sampling), 1)
		b.open.add(int(at/sampling), open)
		s.mu.Unlock()
	}
}

// towards is how a caller's view of a service is called.
func towards(caller, service string) string { return caller + " → " + service }
