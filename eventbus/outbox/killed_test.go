package outbox_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/internal/testdatabase"
	"github.com/sinew-go/sinew/internal/testprocess"
)

// sender is a process that sends.
type sender struct {
	testdatabase.Database
	File string
}

// send sends until the process is killed.
func send(c sender) {
	db, err := c.Connect()
	if err != nil {
		panic(err)
	}
	file, err := os.OpenFile(c.File, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	o, err := outbox.New(outbox.Config{DB: db, Bus: fileBus{file}, Lease: time.Second, Poll: 10 * time.Millisecond})
	if err != nil {
		panic(err)
	}
	o.Run(context.Background())
}

// fileBus writes each event as a line: the operating system has what it accepted.
type fileBus struct{ *os.File }

// Publish implements eventbus.Publisher.
func (f fileBus) Publish(_ context.Context, _ string, events ...eventbus.Event) error {
	for _, e := range events {
		if _, err := f.WriteString(e.Key + " " + e.ID + "\n"); err != nil {
			return err
		}
	}
	return nil
}

func TestNothingIsLostWhenSendersAreKilledOnSQLite(t *testing.T) {
	killSenders(t, testdatabase.SQLite(t), nil)
}

func TestNothingIsLostWhenSendersAndPostgreSQLAreKilled(t *testing.T) {
	server := realserver.Postgres(t)
	killSenders(t, testdatabase.Postgres(server), func() { server.Kill(); server.Start() })
}

// killSenders writes events while two processes send, of which one after the other is
// killed, and restart, if it is not nil, kills the database.
func killSenders(t *testing.T, d testdatabase.Database, restart func()) {
	const keys, kills = 10, 8
	s := &subject{T: t, Database: d, table: "outbox"}
	b := s.box(nil)
	file := filepath.Join(t.TempDir(), "published")
	c := sender{d, file}
	senders := []*exec.Cmd{testprocess.Start(t, c), testprocess.Start(t, c)}

	var stop atomic.Bool
	var written [keys]int
	var writers sync.WaitGroup
	for k := range keys {
		writers.Go(func() {
			for !stop.Load() {
				if tryWrite(b, fmt.Sprint(k), fmt.Sprintf("%06d", written[k])) == nil {
					written[k]++
				}
				<-time.After(rand.N(10 * time.Millisecond))
			}
		})
	}
	for i := range kills {
		<-time.After(100*time.Millisecond + rand.N(time.Second))
		testprocess.Kill(t, senders[i%2])
		senders[i%2] = testprocess.Start(t, c)
		if restart != nil && i%3 == 1 {
			restart()
		}
	}
	stop.Store(true)
	writers.Wait()
	s.eventually("an empty outbox", func() bool { stats, err := b.Stats(t.Context()); return err == nil && stats.Waiting == 0 })

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	next, repeated := map[string]int{}, 0
	for lines := bufio.NewScanner(strings.NewReader(string(text))); lines.Scan(); {
		key, id, _ := strings.Cut(lines.Text(), " ")
		switch n := fmt.Sprintf("%06d", next[key]); {
		case id == n:
			next[key]++
		case id < n:
			repeated++
		default:
			t.Fatalf("key %s: event %s was published before %s", key, id, n)
		}
	}
	for k, want := range written {
		if got := next[fmt.Sprint(k)]; got < want {
			t.Errorf("key %d: %d of %d events were published", k, got, want)
		}
	}
	t.Logf("%d events a key or so, %d repeats, %d kills", written[0], repeated, kills)
}

// tryWrite writes an event. After an error it may be written.
func tryWrite(b *box, key, id string) error {
	ctx, cancel := context.WithTimeout(b.s.Context(), 10*time.Second)
	defer cancel()
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := b.In(tx).Publish(ctx, "made", eventsOf(key, id)...); err != nil {
		return err
	}
	return tx.Commit()
}
