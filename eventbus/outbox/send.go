package outbox

import (
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
}

// pause is how long a topic waits after a failure.
type pause struct {
	length time.Duration
	end    time.Time
}

// run sends until ctx ends, and then what was written by then, for lastSend at most. It
// returns early when leading ends, because the lease is lost.
func (s *sender) run(ctx, leading context.Context) {
	leading, cancel := context.WithCancel(leading)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastSend, cancel) })()
	if s.config.Resend > 0 {
		s.report(ctx, s.resend(leading))
	}
	for ctx.Err() == nil && leading.Err() == nil {
		untilDue, err := s.moveDue(leading)
		s.report(ctx, errors.Join(err, s.sendWaiting(leading)))
		s.rest(ctx, leading.Done(), min(untilDue, s.untilRetry()))
	}
	s.report(ctx, s.sendWaiting(leading))
}

// resend makes all that was sent lately wait again.
func (s *sender) resend(ctx context.Context) error {
	_, err := s.exec(ctx, s.config.DB, `UPDATE {outbox} SET sent = 0 WHERE sent > {now} - ?`, s.config.Resend.Milliseconds())
	return err
}

// sendWaiting sends everything that waits, except for topics that fail.
func (s *sender) sendWaiting(ctx context.Context) error {
	if err := s.remove(ctx); err != nil {
		return err
	}
	var failures []error
	for ctx.Err() == nil {
		batch, err := s.waiting(ctx)
		if err != nil {
			return errors.Join(append(failures, err)...)
		}
		failed, err := s.sendBatch(ctx, batch)
		for topic, err := range failed {
			s.pause(topic)
			failures = append(failures, err)
		}
		if err != nil || len(batch) < maxBatch {
			return errors.Join(append(failures, err)...)
		}
	}
	return errors.Join(failures...)
}

// sendBatch sends the events, and returns why topics failed. The error is the database's.
func (s *sender) sendBatch(ctx context.Context, batch []row) (failed map[string]error, err error) {
	if len(batch) == 0 {
		return nil, nil
	}
	r := round{outbox: s.Outbox, failed: map[string]error{}}
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

// waiting returns the oldest events that wait, except those of topics that fail.
func (s *sender) waiting(ctx context.Context) ([]row, error) {
	which, args := "", []any(nil)
	now := time.Now()
	for topic, p := range s.failing {
		if now.Before(p.end) {
			which, args = which+" AND topic <> ?", append(args, topic)
		}
	}
	return s.rows(ctx, s.config.DB, fmt.Sprintf(`SELECT n, topic, event FROM {outbox} WHERE sent = 0%s ORDER BY n LIMIT %d`, which, maxBatch), args...)
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
	if _, err := s.exec(ctx, s.config.DB, statement+which, args...); err != nil {
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
