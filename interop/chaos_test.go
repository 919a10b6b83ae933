package interop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/realserver"
)

// chaos is how many orders are placed, and how often victims of that many kinds are killed
// meanwhile: make chaos asks for more.
func chaos(kinds int) (orders, kills int) {
	if n, err := strconv.Atoi(os.Getenv("SINEW_CHAOS_ORDERS")); err == nil {
		return n, 20
	}
	return 1500, kinds
}

func TestEveryOrderIsAppliedOnceAndInOrderWhateverIsKilledOnPostgreSQLAndKafka(t *testing.T) {
	broker, database := realserver.Kafka(t), realserver.Postgres(t)
	c := newChaos(t, chaosProcess{Driver: "pgx", Source: database.Addr, Broker: "kafka", Address: broker.Addr})
	c.run(server("the broker", broker), server("PostgreSQL", database))
}

func TestEveryOrderIsAppliedOnceAndInOrderWhateverIsKilledOnSQLiteAndNATS(t *testing.T) {
	broker := realserver.NATS(t)
	const options = "?_txlock=immediate&_pragma=busy_timeout(20000)&_pragma=journal_mode(wal)&_pragma=synchronous(normal)"
	source := "file:" + filepath.Join(t.TempDir(), "shop.db") + options
	c := newChaos(t, chaosProcess{Driver: "sqlite", Source: source, Broker: "nats", Address: broker.Addr})
	c.run(server("the broker", broker))
}

// chaosRun kills processes and servers while orders are placed and applied.
type chaosRun struct {
	*testing.T
	process chaosProcess
	kills   int
	shop    ledgerShop
	bus     eventbus.Replayer
	log     *os.File // of the processes
	began   time.Time
	killed  []string // what was killed, and when
}

func newChaos(t *testing.T, p chaosProcess) *chaosRun {
	t.Helper()
	c := &chaosRun{T: t, process: p, began: time.Now()}
	var err error
	if c.bus, err = p.openBus(slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.bus.Close(context.Background()) })
	if c.shop, err = p.openShop(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.shop.db.Close() })
	c.shop.create(t)
	if c.log, err = os.Create(filepath.Join(t.TempDir(), "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.log.Close() })
	stop, err := orderPlaced.Subscribe(c.bus, ledgerGroup, c.shop.apply) // from here on the group misses nothing
	if err == nil {
		err = stop(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// victim is what is killed and started again.
type victim struct {
	name        string
	kill, start func()
	end         func() // of a process: it ends by itself
}

func server(name string, s *realserver.Server) *victim {
	return &victim{name: name, kill: s.Kill, start: s.Start}
}

// victimOf starts a process.
func (c *chaosRun) victimOf(role string) *victim {
	c.Helper()
	config := c.process
	config.Role = role
	text, err := json.Marshal(config)
	if err != nil {
		c.Fatal(err)
	}
	var command *exec.Cmd
	var stdin io.Closer
	ended := make(chan struct{})
	v := &victim{name: "a " + role}
	v.start = func() {
		command = exec.Command(os.Args[0])
		command.Env = append(os.Environ(), chaosVariable+"="+string(text))
		command.Stdout, command.Stderr = c.log, c.log
		if stdin, err = command.StdinPipe(); err != nil {
			c.Fatal(err)
		}
		if err := command.Start(); err != nil {
			c.Fatal(err)
		}
		ended = make(chan struct{})
		go func(command *exec.Cmd, ended chan struct{}) {
			_ = command.Wait()
			close(ended)
		}(command, ended)
	}
	v.kill = func() {
		select {
		case <-ended:
			c.Errorf("a %s ended by itself: %s", role, command.ProcessState)
		default:
		}
		_ = command.Process.Kill()
		<-ended
	}
	v.end = func() {
		_ = stdin.Close()
		select {
		case <-ended:
		case <-time.After(2 * time.Minute):
			c.Errorf("a %s does not end", role)
			_ = command.Process.Kill()
			<-ended
		}
		if !command.ProcessState.Success() {
			c.Errorf("a %s ended with: %s", role, command.ProcessState)
		}
	}
	v.start()
	c.Cleanup(func() { _ = command.Process.Kill(); <-ended })
	return v
}

// run places the orders while victims are killed, and checks the ledger.
func (c *chaosRun) run(servers ...*victim) {
	c.process.Orders, c.kills = chaos(3 + len(servers))
	var kinds [][]*victim
	for _, role := range []string{publisher, relay, consumer} {
		kinds = append(kinds, []*victim{c.victimOf(role), c.victimOf(role)})
	}
	processes := slices.Concat(kinds...)
	for _, s := range servers {
		kinds = append(kinds, []*victim{s})
	}
	c.killAll(kinds)
	c.await("all orders to be placed", func() bool {
		placed, _, err := c.shop.counts(c.Context())
		return err == nil && placed >= c.process.Orders
	})
	endAll(processes[:2]) // they know whether their last orders are committed
	c.await("all orders to be applied, and nothing to wait any more", func() bool { return c.rest() == "" })
	endAll(processes[2:])
	c.check()
}

// endAll ends processes at the same time: with the race detector each sleeps a second at its end.
func endAll(processes []*victim) {
	var all sync.WaitGroup
	for _, p := range processes {
		all.Go(p.end)
	}
	all.Wait()
}

// killAll kills one victim of each kind, in random order, and again, at random moments that
// are distributed over the orders. Some are killed while others are down.
func (c *chaosRun) killAll(kinds [][]*victim) {
	var down, next []*victim
	start := func() {
		for _, v := range down {
			v.start()
		}
		down = nil
	}
	for k := range c.kills {
		if len(next) == 0 {
			for _, i := range rand.Perm(len(kinds)) {
				next = append(next, kinds[i][rand.N(len(kinds[i]))])
			}
		}
		v := next[0]
		next = next[1:]
		if slices.Contains(down, v) {
			start()
		}
		if len(down) == 0 {
			c.awaitShare(k)
		}
		<-time.After(rand.N(300 * time.Millisecond))
		v.kill()
		c.killed = append(c.killed, fmt.Sprintf("%s after %.1f s", v.name, time.Since(c.began).Seconds()))
		down = append(down, v)
		pause := rand.N(4*time.Second) - 2*time.Second // half of the time there is none
		<-time.After(pause)
		if rand.N(3) > 0 {
			start()
		}
	}
	start()
}

// awaitShare waits until it is time for kill k: its share of the orders is placed and applied.
func (c *chaosRun) awaitShare(k int) {
	c.Helper()
	c.await("so many orders that the next may be killed", func() bool {
		placed, applied, err := c.shop.counts(c.Context())
		return err == nil && (placed+applied)*c.kills >= c.process.Orders*(2*k+1)
	})
}

// await waits until is is true, for as long as orders are placed or applied.
func (c *chaosRun) await(what string, is func() bool) {
	c.Helper()
	const limit = 2 * time.Minute
	last, since := 0, time.Now()
	for ; !is(); <-time.After(50 * time.Millisecond) {
		if placed, applied, err := c.shop.counts(c.Context()); err == nil && placed+applied > last {
			last, since = placed+applied, time.Now()
		}
		if time.Since(since) > limit {
			c.Errorf("Waited in vain for %s: %s.", what, c.rest())
			c.check()
			c.FailNow()
		}
	}
}

// rest says what is not done.
func (c *chaosRun) rest() string {
	placed, applied, err := c.shop.counts(c.Context())
	if err != nil || applied < placed {
		return fmt.Sprintf("%d orders are placed and %d are applied (%v)", placed, applied, err)
	}
	if stats, err := c.shop.box.Stats(c.Context()); err != nil || stats.Waiting+stats.Later > 0 {
		return fmt.Sprintf("%d events wait in the outbox (%v)", stats.Waiting+stats.Later, err)
	}
	if lag, err := c.bus.Lag(c.Context(), orderPlaced.Name, ledgerGroup); err != nil || lag.Events > 0 {
		return fmt.Sprintf("%d events wait for the group (%v)", lag.Events, err)
	}
	return ""
}

// check says what is wrong with the orders and with the processes, and after which kills.
func (c *chaosRun) check() {
	c.Helper()
	all := c.shop.complaints(c.T)
	if parked, err := c.shop.box.Parked(c.Context(), 10); err != nil || len(parked) > 0 {
		all = append(all, fmt.Sprintf("%d events are parked: %v (%v).", len(parked), parked, err))
	}
	log, err := os.ReadFile(c.log.Name())
	if err != nil {
		c.Fatal(err)
	}
	for _, bad := range []string{"DATA RACE", "panic:", "fatal error:"} {
		if at := strings.Index(string(log), bad); at >= 0 {
			all = append(all, fmt.Sprintf("A process says: %s", log[at:min(len(log), at+4000)]))
		}
	}
	placed, applied, err := c.shop.counts(c.Context())
	var repeats int
	if err == nil {
		err = c.shop.db.QueryRowContext(c.Context(), `SELECT COUNT(*) FROM repeats`).Scan(&repeats)
	}
	if err != nil {
		c.Fatal(err)
	}
	c.Logf("%d orders, %d applied, %d repeats, %d kills, %.1f s. Killed: %s.", placed, applied, repeats,
		len(c.killed), time.Since(c.began).Seconds(), strings.Join(c.killed, "; "))
	if len(all) > 0 || c.Failed() {
		c.Errorf("%s\nThe processes said in the end:\n%s", strings.Join(all, "\n"), log[max(0, len(log)-4000):])
	}
}
