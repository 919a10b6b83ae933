package sinew

import (
	"maps"
	"sync"
)

// maxUnheard is how many topics have a count of their own: as many as metrics tells
// apart.
const maxUnheard = 1000

// unheard counts the events that were published when nobody heard their topic, on a
// bus that keeps nothing for such a one.
type unheard struct {
	mu sync.Mutex
	n  map[string]int64 // by topic
}

func (u *unheard) note(s *Service, topic string, events int) {
	bus, tells := s.config.Bus.(interface{ Hears(topic string) bool })
	if !tells || events == 0 || bus.Hears(topic) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	before, known := u.n[topic]
	switch {
	case known:
	case len(u.n) >= maxUnheard:
		topic = "other"
		before = u.n[topic]
	default:
		if u.n == nil {
			u.n = map[string]int64{}
		}
		s.config.Logger.Info("nobody hears what is published: it is gone", "service", s.name, "topic", topic)
	}
	u.n[topic] = before + int64(events)
}

// counts are the events by topic.
func (u *unheard) counts() map[string]int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.n)
}
