package kafka

// Waiting is the number of events that wait in memory.
func Waiting(b *Bus) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.consumers {
		c.mu.Lock()
		n += c.waiting
		c.mu.Unlock()
	}
	return n
}
