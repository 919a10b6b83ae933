package outbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/internal/testdatabase"
)

func BenchmarkSendSQLite(b *testing.B) {
	benchmarkSend(b, testdatabase.SQLite(b))
}

func BenchmarkSendPostgreSQL(b *testing.B) {
	benchmarkSend(b, testdatabase.Postgres(realserver.Postgres(b)))
}

// benchmarkSend measures how long an event takes from the outbox to a bus that does
// nothing. The writing is not measured.
func benchmarkSend(b *testing.B, d testdatabase.Database) {
	db := d.Open(b)
	to := &bus{}
	o, err := outbox.New(outbox.Config{DB: db, Bus: to, Table: fmt.Sprint("bench", time.Now().UnixNano()), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	if err := o.Create(b.Context()); err != nil {
		b.Fatal(err)
	}
	all := make([]string, b.N)
	for i := range all {
		all[i] = fmt.Sprint(i)
	}
	tx, err := db.BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	for key := range 100 {
		if err := o.In(tx).Publish(b.Context(), "made", eventsOf(fmt.Sprint(key), all[key*b.N/100:(key+1)*b.N/100]...)...); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { o.Run(ctx) })
	for to.count() < b.N {
		<-time.After(time.Millisecond)
	}
	b.StopTimer()
	stop()
	running.Wait()
}
