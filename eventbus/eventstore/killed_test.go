package eventstore_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/internal/realserver"
)

// workerVariable makes the program of the tests a process that appends or projects.
const workerVariable = "EVENTSTORE_WORKER"

// workerConfig is the value of workerVariable. A worker with an ID appends.
type workerConfig struct{ Driver, Source, ID string }

// work works until the process is killed.
func work() {
	var c workerConfig
	if err := json.Unmarshal([]byte(os.Getenv(workerVariable)), &c); err != nil {
		panic(err)
	}
	db, err := sql.Open(c.Driver, c.Source)
	if err != nil {
		panic(err)
	}
	if c.Driver == "sqlite" {
		db.SetMaxOpenConns(1)
	}
	store, err := eventstore.New(eventstore.Config{DB: db, Table: killedTable, Lease: time.Second, Poll: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	if c.ID == "" {
		store.Project((&subject{table: killedTable}).sums(1, 1, nil)).Run(ctx)
		return
	}
	for n := 0; ; n++ { // an error is that of a server that is killed
		if _, err := add(ctx, counters, store, strconv.Itoa(rand.N(5)), 1+rand.N(9)); err != nil {
			<-time.After(10 * time.Millisecond)
		}
	}
}

const killedTable = "killed"

// killVariable is for how many seconds processes are killed.
const killVariable = "SINEW_KILL_SECONDS"

// killSeconds is how long processes are killed: killVariable, or a few.
func killSeconds() time.Duration {
	if n, err := strconv.Atoi(os.Getenv(killVariable)); err == nil {
		return time.Duration(n) * time.Second
	}
	return 3 * time.Second
}

func TestProjectionsAreTheFoldOfTheEventsWhenProcessesAreKilledOnSQLite(t *testing.T) {
	killWorkers(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "store.db")+sqliteOptions, nil)
}

func TestProjectionsAreTheFoldOfTheEventsWhenProcessesAndPostgreSQLAreKilled(t *testing.T) {
	server := realserver.Postgres(t)
	killWorkers(t, "pgx", server.Addr, func() { server.Kill(); server.Start() })
}

func TestProjectionsAreTheFoldOfTheEventsWhenProcessesAreKilledOnMariaDB(t *testing.T) {
	if os.Getenv(killVariable) == "" {
		t.Skipf("set %s for how many seconds processes are killed", killVariable)
	}
	server := realserver.MariaDB(t)
	killWorkers(t, "mysql", server.Addr, nil) // which promises nothing after a kill with the settings of the tests
}

// killWorkers kills processes that append and that project, and restart, if it is not nil,
// kills the database.
func killWorkers(t *testing.T, driver, source string, restart func()) {
	s := &subject{T: t, driver: driver, source: source, table: killedTable}
	b := s.store()
	p := b.projector(s.sums(1, 1, nil))
	configs := []workerConfig{{driver, source, "a"}, {driver, source, "b"}, {driver, source, ""}, {driver, source, ""}}
	var workers []*exec.Cmd
	for _, c := range configs {
		workers = append(workers, start(t, c))
	}
	kills := 0
	for end := time.Now().Add(killSeconds()); time.Now().Before(end); kills++ {
		<-time.After(50*time.Millisecond + rand.N(700*time.Millisecond))
		i := rand.N(len(workers))
		kill(workers[i])
		workers[i] = start(t, configs[i])
		if restart != nil && kills%6 == 5 {
			restart()
		}
	}
	for i, c := range configs {
		if c.ID != "" {
			kill(workers[i])
		}
	}
	s.eventually("an answer of the database", func() bool { return b.db.PingContext(t.Context()) == nil })

	want, events := map[string]int{}, 0
	for i := range 5 {
		c, version, err := counters.Load(t.Context(), b.Store, strconv.Itoa(i))
		if err != nil || version != int64(c.Events) {
			t.Fatalf("counter %d: %+v at version %d, %v", i, c, version, err)
		}
		if events += c.Events; c.Events > 0 {
			want[strconv.Itoa(i)] = c.Sum
		}
	}
	b.projects(p, want)
	position := int64(0)
	for e, err := range b.All(t.Context(), 0) {
		if position++; err != nil || e.Position != position {
			t.Fatalf("after position %d comes %d, %v", position-1, e.Position, err)
		}
	}
	if position != int64(events) {
		t.Errorf("there are %d events in all, and %d in the streams", position, events)
	}
	for i := range workers {
		kill(workers[i])
	}
	if again := b.totals(p); !maps.Equal(again, want) {
		t.Errorf("the projection says %v in the end, want %v", again, want)
	}
	t.Logf("%d events, %d kills", events, kills)
}

func start(t *testing.T, c workerConfig) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%s", workerVariable, text))
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
