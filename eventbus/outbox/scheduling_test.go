package outbox_test

import (
	"database/sql"
	"slices"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/eventbus"
)

func unixMilli(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

var scheduling = []rule{
	{"an event is published when it is due, and not before, by another process, too", func(s *subject) {
		to := &bus{}
		b := s.box(to)
		due := time.Now().Add(1500 * time.Millisecond)
		b.within(func(tx *sql.Tx) error {
			later := eventbus.PublishAt(s.Context(), b.In(tx), "made", due.Add(200*time.Millisecond), eventsOf("k", "second")...)
			if later != nil {
				return later
			}
			return b.At(tx, due).Publish(s.Context(), "made", eventsOf("k", "first")...)
		})
		stop := b.run()
		s.never("an event that is not due", func() bool { return to.count() > 0 && time.Now().Before(due.Add(-50*time.Millisecond)) })
		stop()
		if stats := b.stats(); to.count() == 0 && stats.Later != 2 {
			s.Errorf("stats: %+v", stats)
		}
		s.box(to).run()
		s.eventually("both", func() bool { return to.count() == 2 })
		if now := time.Now(); now.Before(due) {
			s.Errorf("published %s too early", due.Sub(now))
		}
		if got := to.ids("k"); !slices.Equal(got, []string{"first", "second"}) {
			s.Errorf("published: %q", got)
		}
	}},
	{"many events that are due are all published, once", func(s *subject) {
		to := &bus{}
		b := s.box(to)
		ids := make([]string, 450)
		for i := range ids {
			ids[i] = strconv.Itoa(i)
		}
		b.within(func(tx *sql.Tx) error {
			return b.At(tx, time.Now()).Publish(s.Context(), "made", eventsOf("k", ids...)...)
		})
		b.run()
		s.eventually("all", func() bool { return to.count() == len(ids) })
		if got := to.ids("k"); !slices.Equal(got, ids) {
			s.Error("they are out of order")
		}
	}},
}
