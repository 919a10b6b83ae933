package outbox_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
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
)

// senderVariable makes the program of the tests a process that sends.
const senderVariable = "OUTBOX_SENDER"

// senderConfig is the value of senderVariable.
type senderConfig struct{ Driver, Source, File string }

// send sends until the process is killed.
func send() {
	var c senderConfig
	if err := json.Unmarshal([]byte(os.Getenv(senderVariable)), &c); err != nil {
		panic(err)
	}
	db, err := sql.Open(c.Driver, c.Source)
	if err != nil {
		panic(err)
	}
	if c.Driver == "sqlite" {
		db.SetMaxOpenConns(1)
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
	killSenders(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "box.db")+"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)", nil)
}

func TestNothingIsLostWhenSendersAndPostgreSQLAreKilled(t *testing.T) {
	server := realserver.Postgres(t)
	killSenders(t, "pgx", server.Addr, func() { server.Kill(); server.Start() })
}

// killSenders writes events while two processes send, of which one after the other is
// killed, and restart, if it is not nil, kills the database.
func killSenders(t *testing.T, driver, source string, restart func()) {
	const keys, kills = 10, 8
	s := &subject{T: t, driver: driver, source: source, table: "outbox"}
	b := s.box(nil)
	file := filepath.Join(t.TempDir(), "published")
	senders := []*exec.Cmd{start(t, senderConfig{driver, source, file}), start(t, senderConfig{driver, source, file})}

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
		kill(senders[i%2])
		senders[i%2] = start(t, senderConfig{driver, source, file})
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

func start(t *testing.T, c senderConfig) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), senderVariable+"="+string(text))
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(command) })
	return command
}

func kill(c *exec.Cmd) {
	if c.ProcessState == nil {
		_ = c.Process.Kill()
		_ = c.Wait() // its error is that it was killed
	}
}
