package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew/internal/backoff"
)

// maxBatch is how many events are read at once.
const maxBatch = 512

// pauses are those of a topic that fails.
var pauses = backoff.Policy{Min: 100 * time.Millisecond, Max: 5 * time.Second}

// sender sends while its outbox holds the lease.
type sender struct {
	*Outbox
	failing  map[string]pause // by topic
	accepted []int64          // the events that the bus has accepted and that still wait
	size     int              // how many events to read at once, zero for maxBatch
}

// pause is how long a topic waits after a failure.
type pause struct {
	length time.Duration
	end    time.Time
}

// run sends until ctx ends, and then what was written by then. It returns early when leading
// ends, because the lease is lost or lastSend is over.
func (s *sender) run(ctx, leading context.Context) {
	if s.config.Resend > 0 {
		s.report(ctx, s.resend(leading))
	}
	for ctx.Err() == nil && leading.Err() == nil {
		untilDue, err := s.moveDue(leading)
		more, failed := s.sendSome(leading)
		s.report(ctx, errors.Join(err, failed))
		if !more {
			s.rest(ctx, leading.Done(), min(untilDue, s.untilRetry()))
		}
	}
	for more := true; more && leading.Err() == nil; {
		var err error
		more, err = s.sendSome(leading)
		s.report(ctx, err)
	}
}

// resend makes all that was sent lately wait again.
func (s *sender) resend(ctx context.Context) error {
	_, err := s.tables.Exec(ctx, s.config.DB, `UPDATE {outbox} SET sent = 0 WHERE sent > {now} - ?`, s.config.Resend.Milliseconds())
	return err
}

// sendSome sends the oldest events that wait, except for topics that fail, and reports
// whether there are more to send now.
func (s *sender) sendSome(ctx context.Context) (more bool, err error) {
	if err := s.remove(ctx); err != nil {
		return false, err
	}
	batch, more, err := s.waiting(ctx)
	if err != nil {
		return false, err
	}
	failed, err := s.sendBatch(ctx, batch)
	failures := []error{err}
	for topic, err := range failed {
		s.pause(topic)
		failures = append(failures, err)
	}
	return more && err == nil, errors.Join(failures...)
}

// sendBatch sends the events, and returns why topics failed. The error is the database's.
func (s *sender) sendBatch(ctx context.Context, batch []row) (failed map[string]error, err error) {
	if len(batch) == 0 {
		return nil, nil
	}
	r := round{outbox: s.Outbox, published: map[string]bool{}, failed: map[string]error{}}
	r.publish(ctx, batch)
	for _, refused := range r.refused {
		err = errors.Join(err, s.park(ctx, refused.row, refused.reason))
	}
	for topic := range r.published { // its next pause is a short one
		delete(s.failing, topic)
	}
	s.accepted = r.accepted
	s.sent.Add(int64(len(r.accepted)))
	return r.failed, errors.Join(err, s.remove(ctx))
}

// pause makes a topic wait.
func (s *sender) pause(topic string) {
	length := pauses.Next(s.failing[topic].length)
	s.failing[topic] = pause{length: length, end: time.Now().Add(length)}
}

// untilRetry is how long the topic that is retried next waits, at most Config.Poll.
func (s *sender) untilRetry() time.Duration {
	next := s.config.Poll
	for _, p := range s.failing {
		if wait := time.Until(p.end); wait > 0 {
			next = min(next, wait)
		}
	}
	return next
}

// waiting returns the oldest events that wait, except those of topics that fail, and whether
// there may be more.
func (s *sender) waiting(ctx context.Context) (batch []row, more bool, err error) {
	which, args := "", []any(nil)
	now := time.Now()
	for topic, p := range s.failing {
		if now.Before(p.end) {
			which, args = which+" AND topic <> ?", append(args, topic)
		}
	}
	size := cmp.Or(s.size, maxBatch)
	batch, isCut, err := s.rows(ctx, fmt.Sprintf(`SELECT n, topic, event FROM {outbox} WHERE sent = 0%s ORDER BY n LIMIT %d`, which, size), args...)
	more = isCut || len(batch) == size
	if s.size = min(2*size, maxBatch); isCut { // the database would read what is not sent
		s.size = len(batch)
	}
	return batch, more, err
}

// remove makes the events wait no more that were accepted. It does so even if ctx has
// ended: otherwise they would be published again. Those that it cannot remove it removes
// the next time.
func (s *sender) remove(ctx context.Context) error {
	if len(s.accepted) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSend)
	defer cancel()
	statement := `DELETE FROM {outbox} WHERE `
	if s.config.Resend > 0 {
		statement = `UPDATE {outbox} SET sent = {now} WHERE `
	}
	which, args := ranges(s.accepted)
	if _, err := s.tables.Exec(ctx, s.config.DB, statement+which, args...); err != nil {
		return err
	}
	s.accepted = nil
	return nil
}

// ranges returns a condition for the rows with these numbers, and its arguments. Numbers
// without a gap are one range, which no other row can be in. There are few numbers of
// ranges, so that the database can cache the statements.
func ranges(numbers []int64) (condition string, args []any) {
	slices.Sort(numbers)
	for i, n := range numbers {
		if i > 0 && n == numbers[i-1]+1 {
			args[len(args)-1] = n
		} else {
			args = append(args, n, n)
		}
	}
	size := 1
	for 2*size < len(args) {
		size *= 8
	}
	for 2*size > len(args) {
		args = append(args, args[len(args)-2:]...)
	}
	return "(n BETWEEN ? AND ?" + strings.Repeat(" OR n BETWEEN ? AND ?", size-1) + ")", args
}
