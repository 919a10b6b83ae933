package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

var receiving = []rule{
	{"an event is new once for each group", func(s *subject) {
		b := s.box(nil)
		ctx := eventbus.ContextWithEvent(s.Context(), eventbus.Event{ID: "1", Source: "a"}, eventbus.Delivery{})
		for _, c := range []struct {
			ctx   context.Context
			group string
			want  bool
		}{
			{ctx, "ledger", true},
			{ctx, "ledger", false},
			{ctx, "mailer", true},
			{eventbus.ContextWithEvent(s.Context(), eventbus.Event{ID: "1", Source: "b"}, eventbus.Delivery{}), "ledger", true},
			{eventbus.ContextWithEvent(s.Context(), eventbus.Event{ID: "2", Source: "a", Extensions: map[string]string{eventbus.DeadID: "1"}}, eventbus.Delivery{}), "ledger", false},
		} {
			b.within(func(tx *sql.Tx) error {
				got, err := b.IsNew(c.ctx, tx, c.group)
				if got != c.want {
					s.Errorf("group %s: new is %v", c.group, got)
				}
				return err
			})
		}
	}},
	{"an event whose transaction is undone is new again", func(s *subject) {
		b := s.box(nil)
		ctx := eventbus.ContextWithEvent(s.Context(), eventbus.Event{ID: "1", Source: "a"}, eventbus.Delivery{})
		tx, err := b.db.BeginTx(s.Context(), nil)
		if err != nil {
			s.Fatal(err)
		}
		if isNew, err := b.IsNew(ctx, tx, "ledger"); !isNew || err != nil {
			s.Errorf("%v, %v", isNew, err)
		}
		_ = tx.Rollback()
		b.within(func(tx *sql.Tx) error {
			isNew, err := b.IsNew(ctx, tx, "ledger")
			if !isNew {
				s.Error("it is not new")
			}
			return err
		})
	}},
	{"of many transactions at once an event is new for one", func(s *subject) {
		b := s.box(nil)
		ctx := eventbus.ContextWithEvent(s.Context(), eventbus.Event{ID: "1", Source: "a"}, eventbus.Delivery{})
		if _, err := b.db.ExecContext(s.Context(), "CREATE TABLE "+s.table+"_effect (n INTEGER)"); err != nil {
			s.Fatal(err)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				b.within(func(tx *sql.Tx) error {
					isNew, err := b.IsNew(ctx, tx, "ledger")
					if err != nil || !isNew {
						return err
					}
					_, err = tx.ExecContext(ctx, "INSERT INTO "+s.table+"_effect VALUES (1)")
					return err
				})
			})
		}
		all.Wait()
		var effects int
		if err := b.db.QueryRowContext(s.Context(), "SELECT COUNT(*) FROM "+s.table+"_effect").Scan(&effects); err != nil || effects != 1 {
			s.Errorf("%d effects, %v", effects, err)
		}
	}},
	{"outside of a handler nothing is new", func(s *subject) {
		if _, err := s.box(nil).IsNew(s.Context(), nil, "ledger"); !errors.Is(err, fault.FailedPrecondition) {
			s.Error(err)
		}
	}},
}
