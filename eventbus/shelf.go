package eventbus

import (
	"slices"
	"sync"
)

// maxLetters is how many dead letters of a topic a Memory bus stores.
const maxLetters = 1000

// shelf stores the dead letters of a Memory bus for Redrive: the last ones of each topic.
type shelf struct {
	mu      sync.Mutex
	byTopic map[string][]Event
}

func (s *shelf) add(topic string, letter Event) {
	letter.encode()
	letter.value = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byTopic == nil {
		s.byTopic = map[string][]Event{}
	}
	s.byTopic[topic] = append(s.byTopic[topic], letter)
	if all := s.byTopic[topic]; len(all) > maxLetters {
		s.byTopic[topic] = slices.Clone(all[1:])
	}
}

// all returns the dead letters, the oldest first.
func (s *shelf) all(topic string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.byTopic[topic])
}

func (s *shelf) has(topic string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byTopic[topic]) > 0
}

// remove reports whether the dead letter was there.
func (s *shelf) remove(topic, id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.byTopic[topic])
	s.byTopic[topic] = slices.DeleteFunc(s.byTopic[topic], func(e Event) bool { return e.ID == id })
	return len(s.byTopic[topic]) < before
}
