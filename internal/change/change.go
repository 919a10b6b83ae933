// Package change lets goroutines wait for a change of what a lock guards.
package change

// Signal wakes all that wait for a change. Its zero value is ready for use. The lock that
// guards what may change guards the Signal, too.
type Signal struct{ next chan struct{} }

// Next returns a channel that the next Notify closes. Read what may change under the same
// lock; then no change is missed in between.
func (s *Signal) Next() <-chan struct{} {
	if s.next == nil {
		s.next = make(chan struct{})
	}
	return s.next
}

// Notify wakes those that wait. Without any it does nothing.
func (s *Signal) Notify() {
	if s.next != nil {
		close(s.next)
		s.next = nil
	}
}
