package postgres_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sinew-go/sinew/eventbus/outbox/postgres"
	"github.com/sinew-go/sinew/internal/realserver"
)

func TestAConnectionThatAnswersNoMoreIsReplaced(t *testing.T) {
	server := realserver.Postgres(t)
	postgres.CheckConnectionEvery(t, 200*time.Millisecond)
	bus := make(published, 9)
	o := open(t, server.Addr, bus)
	background(t, o.Run)
	background(t, func(ctx context.Context) { _ = postgres.Listen(ctx, server.Addr, o) })
	pid := listener(t, server.Addr)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	write(t, server.Addr, o, "unheard", func(tx pgx.Tx, ctx context.Context) error { return tx.Commit(ctx) })
	wait(t, bus, "unheard")
}

// listener returns the process of the server that serves Listen, once that waits.
func listener(t *testing.T, url string) (pid int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	const query = `SELECT COALESCE(MAX(pid), 0) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query LIKE '-- ping%'`
	for end := time.Now().Add(time.Minute); pid == 0 && time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		if err := conn.QueryRow(t.Context(), query).Scan(&pid); err != nil {
			t.Fatal(err)
		}
	}
	if pid == 0 {
		t.Fatal("nobody listens")
	}
	return pid
}
