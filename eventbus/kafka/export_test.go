package kafka

import "time"

// SetNewPartitionsPoll sets how often subscriptions that begin later search for new
// partitions.
func SetNewPartitionsPoll(b *Bus, poll time.Duration) { b.newPartitionsPoll = poll }

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
