package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/eventbus/outbox/postgres"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
)

// published is a bus that sends the ids of what is published.
type published chan string

// Publish implements eventbus.Publisher.
func (p published) Publish(_ context.Context, _ string, events ...eventbus.Event) error {
	for _, e := range events {
		p <- e.ID
	}
	return nil
}

// open returns an outbox that does not poll in the time of a test.
func open(t *testing.T, url string, bus eventbus.Publisher) *outbox.Outbox {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	o, err := outbox.New(outbox.Config{DB: db, Bus: bus, Notify: true, Poll: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return o
}

// background runs f until the end of the test.
func background(t *testing.T, f func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { f(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
}

// write publishes an event in a transaction of pgx, as another process would.
func write(t *testing.T, url string, o *outbox.Outbox, id string, end func(pgx.Tx, context.Context) error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := o.In(postgres.Tx(tx)).Publish(t.Context(), "made", eventbus.Event{ID: id}); err != nil {
		t.Fatal(err)
	}
	if err := end(tx, t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestACommitElsewhereWakesTheSender(t *testing.T) {
	server := realserver.Postgres(t)
	bus := make(published, 9)
	o := open(t, server.Addr, bus)
	background(t, o.Run)
	background(t, func(ctx context.Context) {
		if err := postgres.Listen(ctx, server.Addr, o); err != nil {
			t.Error(err)
		}
	})
	write(t, server.Addr, o, "undone", func(tx pgx.Tx, ctx context.Context) error { return tx.Rollback(ctx) })
	write(t, server.Addr, o, "done", func(tx pgx.Tx, ctx context.Context) error { return tx.Commit(ctx) })
	wait(t, bus, "done")

	server.Kill()
	server.Start()
	write(t, server.Addr, o, "after a restart", func(tx pgx.Tx, ctx context.Context) error { return tx.Commit(ctx) })
	wait(t, bus, "after a restart")
}

func wait(t *testing.T, bus published, want string) {
	t.Helper()
	select {
	case got := <-bus:
		if got != want {
			t.Errorf("published: %s, want %s", got, want)
		}
	case <-time.After(time.Minute):
		t.Fatalf("waited in vain for %s", want)
	}
}

func TestAnEventIsNewOnceInTransactionsOfPgx(t *testing.T) {
	server := realserver.Postgres(t)
	o := open(t, server.Addr, nil)
	conn, err := pgx.Connect(t.Context(), server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	ctx := eventbus.ContextWithEvent(t.Context(), eventbus.Event{ID: "1", Source: "a"}, eventbus.Delivery{})
	for _, want := range []bool{true, false} {
		if got, err := o.IsNew(ctx, postgres.Tx(conn), "ledger"); got != want || err != nil {
			t.Errorf("new is %v, %v; want %v", got, err, want)
		}
	}
}

func TestAWrongURLIsRefusedWithoutItsPassword(t *testing.T) {
	err := postgres.Listen(t.Context(), "postgres://user:sesame@127.0.0.1:port/shop", nil)
	if !errors.Is(err, fault.InvalidArgument) || strings.Contains(err.Error(), "sesame") {
		t.Error(err)
	}
}
