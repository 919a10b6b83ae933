package outbox_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/fault"
)

func TestWrongSettingsAreRefusedByName(t *testing.T) {
	db, err := sql.Open("sqlite", "file:x?mode=memory")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for setting, c := range map[string]outbox.Config{
		"DB":       {},
		"Poll":     {DB: db, Poll: -1},
		"Resend":   {DB: db, Resend: -1},
		"Remember": {DB: db, Remember: -1},
		"Lease":    {DB: db, Lease: time.Millisecond},
		"Notify":   {DB: db, Notify: true},
	} {
		if _, err := outbox.New(c); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

var observing = []rule{
	{"what waits is counted, also as metrics", func(s *subject) {
		b := s.box(&bus{})
		b.write("made", "k", "1", "2", "3")
		b.within(func(tx *sql.Tx) error {
			return b.At(tx, time.Now().Add(time.Hour)).Publish(s.Context(), "made", eventsOf("k", "4")...)
		})
		if got := b.stats(); got.Waiting != 3 || got.Later != 1 || got.Parked != 0 || got.Oldest < 0 {
			s.Errorf("stats: %+v", got)
		}
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(b)
		stop := b.run()
		s.eventually("an empty outbox", func() bool { return b.stats().Waiting == 0 })
		stop()
		want := strings.ReplaceAll(`
# HELP sinew_outbox_events Events in the outbox: waiting, later (not due), and parked (refused by the bus).
# TYPE sinew_outbox_events gauge
sinew_outbox_events{state="later",table="NAME"} 1
sinew_outbox_events{state="parked",table="NAME"} 0
sinew_outbox_events{state="waiting",table="NAME"} 0
# HELP sinew_outbox_sent_total Events that this process has published.
# TYPE sinew_outbox_sent_total counter
sinew_outbox_sent_total{table="NAME"} 3
`, "NAME", s.table)
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "sinew_outbox_events", "sinew_outbox_sent_total"); err != nil {
			s.Error(err)
		}
	}},
	{"without its tables an outbox says which one is missing", func(s *subject) {
		b := s.box(nil)
		if _, err := b.db.ExecContext(s.Context(), "DROP TABLE "+s.table); err != nil {
			s.Fatal(err)
		}
		if err := b.In(b.db).Publish(s.Context(), "made", eventsOf("k", "1")...); err == nil || !strings.Contains(err.Error(), s.table) {
			s.Error(err)
		}
	}},
	{"what was handled long ago is forgotten, and what was sent", func(s *subject) {
		b := s.box(nil, func(c *outbox.Config) { c.Remember, c.Resend = time.Hour, time.Hour })
		old, young := unixMilli(time.Now().Add(-2*time.Hour)), unixMilli(time.Now())
		for _, statement := range []string{
			"INSERT INTO " + s.table + "_inbox (id, at) VALUES ('old', " + old + "), ('young', " + young + ")",
			"INSERT INTO " + s.table + " (topic, event, at, sent) VALUES ('old', '{}', 1, " + old + "), ('young', '{}', 1, " + young + "), ('unsent', '{}', 1, 0)",
		} {
			if _, err := b.db.ExecContext(s.Context(), statement); err != nil {
				s.Fatal(err)
			}
		}
		if err := b.Expire(s.Context()); err != nil {
			s.Fatal(err)
		}
		for statement, want := range map[string]string{"SELECT MIN(id) FROM " + s.table + "_inbox": "young", "SELECT MIN(topic) FROM " + s.table: "unsent"} {
			var got string
			if err := b.db.QueryRowContext(s.Context(), statement).Scan(&got); err != nil || got != want {
				s.Errorf("%s: %q, %v", statement, got, err)
			}
		}
	}},
}
