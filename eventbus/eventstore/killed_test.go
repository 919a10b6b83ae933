package eventstore_test

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/internal/testdatabase"
	"github.com/sinew-go/sinew/internal/testprocess"
)

// worker is a process that projects, or with an ID appends.
type worker struct {
	testdatabase.Database
	ID string
}

// work works until the process is killed.
func work(c worker) {
	db, err := c.Connect()
	if err != nil {
		panic(err)
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
	killWorkers(t, testdatabase.SQLite(t), nil)
}

func TestProjectionsAreTheFoldOfTheEventsWhenProcessesAndPostgreSQLAreKilled(t *testing.T) {
	server := realserver.Postgres(t)
	killWorkers(t, testdatabase.Postgres(server), func() { server.Kill(); server.Start() })
}

func TestProjectionsAreTheFoldOfTheEventsWhenProcessesAreKilledOnMariaDB(t *testing.T) {
	if os.Getenv(killVariable) == "" {
		t.Skipf("set %s for how many seconds processes are killed", killVariable)
	}
	server := realserver.MariaDB(t)
	killWorkers(t, testdatabase.MariaDB(server), nil) // which promises nothing after a kill with the settings of the tests
}

// killWorkers kills processes that append and that project, and restart, if it is not nil,
// kills the database.
func killWorkers(t *testing.T, d testdatabase.Database, restart func()) {
	s := &subject{T: t, Database: d, table: killedTable}
	b := s.store()
	p := b.projector(s.sums(1, 1, nil))
	configs := []worker{{d, "a"}, {d, "b"}, {d, ""}, {d, ""}}
	var workers []*exec.Cmd
	for _, c := range configs {
		workers = append(workers, testprocess.Start(t, c))
	}
	kills := 0
	for end := time.Now().Add(killSeconds()); time.Now().Before(end); kills++ {
		<-time.After(50*time.Millisecond + rand.N(700*time.Millisecond))
		i := rand.N(len(workers))
		testprocess.Kill(t, workers[i])
		workers[i] = testprocess.Start(t, configs[i])
		if restart != nil && kills%6 == 5 {
			restart()
		}
	}
	for i, c := range configs {
		if c.ID != "" {
			testprocess.Kill(t, workers[i])
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
		testprocess.Kill(t, workers[i])
	}
	if again := b.totals(p); !maps.Equal(again, want) {
		t.Errorf("the projection says %v in the end, want %v", again, want)
	}
	t.Logf("%d events, %d kills", events, kills)
}
