package outbox_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/fault"
)

var sharing = []rule{
	{"many large events are written and published, also when they are due", func(s *subject) {
		switch s.Driver {
		case "sqlite":
			return // its statements may be of any size
		case "mysql":
			s.Source += "?interpolateParams=true" // puts the events into the text of the statement
		}
		to := &bus{}
		b := s.box(to)
		large := eventbus.Event{DataContentType: "application/octet-stream", Data: bytes.Repeat([]byte("x"), 2<<20)}
		events := make([]eventbus.Event, 7) // 19 MB in base64: a packet of MariaDB has 16
		for i := range events {
			events[i] = large
			events[i].ID, events[i].Key = fmt.Sprintf("%02d", i), "k"
		}
		b.within(func(tx *sql.Tx) error { return b.In(tx).Publish(s.Context(), "made", events...) })
		b.within(func(tx *sql.Tx) error { return b.At(tx, time.Now()).Publish(s.Context(), "made", events...) })
		b.run()
		s.eventually("all", func() bool { return to.count() == 2*len(events) })
	}},
	{"an event is unparked once, whoever else unparks it", func(s *subject) {
		if s.Driver != "pgx" {
			return // the others lock what is read
		}
		to := &bus{}
		to.failWith(func(string, eventbus.Event) error { return fault.InvalidArgument.Errorf("no") })
		b := s.box(to)
		b.write("made", "k", "1")
		stop := b.run()
		s.eventually("the parked one", func() bool { return b.stats().Parked == 1 })
		stop()
		parked, err := b.Parked(s.Context(), 1)
		if err != nil {
			s.Fatal(err)
		}
		another, err := b.db.BeginTx(s.Context(), nil)
		if err != nil {
			s.Fatal(err)
		}
		if _, err := another.ExecContext(s.Context(), "DELETE FROM "+s.table+"_parked"); err != nil {
			s.Fatal(err)
		}
		result := make(chan error, 1)
		go func() { result <- b.Unpark(s.Context(), parked[0].ID) }()
		s.eventually("the wait for the other", func() bool {
			var n int
			err := b.db.QueryRowContext(s.Context(), "SELECT COUNT(*) FROM pg_locks WHERE NOT granted").Scan(&n)
			return err == nil && n > 0
		})
		if err := another.Commit(); err != nil {
			s.Fatal(err)
		}
		if err := <-result; fault.CodeOf(err) != fault.NotFound {
			s.Errorf("unparked: %v", err)
		}
		if got := b.stats().Waiting; got != 0 {
			s.Errorf("%d events wait", got)
		}
	}},
	{"an event that another process has sent is not parked", func(s *subject) {
		to := &bus{}
		b := s.box(to)
		to.failWith(func(string, eventbus.Event) error {
			if _, err := b.db.ExecContext(s.Context(), "DELETE FROM "+s.table); err != nil {
				s.Error(err)
			}
			return fault.InvalidArgument.Errorf("no")
		})
		b.write("made", "k", "1")
		b.run()
		s.eventually("the refusal", func() bool { return b.stats().Waiting == 0 })
		s.never("a parked event", func() bool { return b.stats().Parked > 0 })
	}},
	{"an instance that begins does not wait for a transaction, and nobody for it", func(s *subject) {
		if s.Driver == "sqlite" {
			return // one transaction writes at a time
		}
		b := s.box(nil)
		long, err := b.db.BeginTx(s.Context(), nil)
		if err != nil {
			s.Fatal(err)
		}
		defer func() { _ = long.Rollback() }()
		if err := b.In(long).Publish(s.Context(), "made", eventsOf("k", "long")...); err != nil {
			s.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
		defer cancel()
		if err := b.Create(ctx); err != nil {
			s.Error(err)
		}
	}},
	{"what is not due is not read again and again", func(s *subject) {
		if s.Driver != "pgx" {
			return // the others do not say what they read
		}
		b := s.box(&bus{})
		const far = 5000
		insert := fmt.Sprintf("INSERT INTO %s_later (due, topic, event) SELECT 1e14 + i, 't', 'e' FROM generate_series(1, %d) i", s.table, far)
		if _, err := b.db.ExecContext(s.Context(), insert); err != nil {
			s.Fatal(err)
		}
		read := func() (n int64) {
			query := strings.ReplaceAll(`SELECT (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'LATER')
				+ (SELECT SUM(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'LATER')`, "LATER", s.table+"_later")
			if err := b.db.QueryRowContext(s.Context(), query).Scan(&n); err != nil {
				s.Fatal(err)
			}
			return n
		}
		if _, err := b.db.ExecContext(s.Context(), "ANALYZE "+s.table+"_later"); err != nil {
			s.Fatal(err)
		}
		before := read()
		stop := b.run()
		<-time.After(1500 * time.Millisecond)
		stop()
		_ = b.db.Close() // which makes the server count
		b.db = s.Open(s)
		s.eventually("the count", func() bool { return read() > before })
		<-time.After(time.Second)
		if n := read() - before; n > far {
			s.Errorf("it has read %d rows", n)
		}
	}},
	{"many instances create the tables at once", func(s *subject) {
		if s.Driver == "sqlite" {
			return // has a file each time
		}
		db := s.Open(s)
		for round := range 5 {
			table := fmt.Sprintf("%s_%d", s.table, round)
			o, err := outbox.New(outbox.Config{DB: db, Table: table})
			if err != nil {
				s.Fatal(err)
			}
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if err := o.Create(s.Context()); err != nil {
						s.Errorf("round %d: %v", round, err)
					}
				})
			}
			all.Wait()
		}
	}},
}
