package sinew

import (
	"maps"
	"sync"
)

// maxUnheardTopics is how many topics have a count of their own: as many as package
// metrics distinguishes.
const maxUnheardTopics = 1000

// unheardCounter counts the events that were published while nobody subscribed to their
// topic, on a bus that does not store events for later subscribers.
type unheardCounter struct {
	mu      sync.Mutex
	byTopic map[string]int64 // by topic
}

func (u *unheardCounter) count(s *Service, topic string, events int) {
	bus, ok := s.config.Bus.(interface{ Hears(topic string) bool })
	if !ok || events == 0 || bus.Hears(topic) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	before, known := u.byTopic[topic]
	switch {
	case known:
	case len(u.byTopic) >= maxUnheardTopics:
		topic = "other"
		before = u.byTopic[topic]
	default:
		if u.byTopic == nil {
			u.byTopic = map[string]int64{}
		}
		s.config.Logger.Info("no group subscribes to the topic: what is published is lost", "service", s.name, "topic", topic)
	}
	u.byTopic[topic] = before + int64(events)
}

// snapshot returns the number of events by topic.
func (u *unheardCounter) snapshot() map[string]int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.byTopic)
}
