// Package brokertest tests buses on brokers that are killed, as are members of groups.
package brokertest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// waitLimit is how long a test waits for a broker or an event.
const waitLimit = time.Minute

// Collect subscribes and sends the ID of each handled event.
func Collect(t testing.TB, bus eventbus.Subscriber, topic, group string) <-chan string {
	t.Helper()
	seen := make(chan string, 100_000)
	if _, err := bus.Subscribe(topic, group, func(_ context.Context, e eventbus.Event) error {
		seen <- e.ID
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return seen
}

// Publish publishes an event with the ID until the broker accepts it.
func Publish(t testing.TB, bus eventbus.Publisher, topic, id string) {
	t.Helper()
	for end := time.Now().Add(waitLimit); ; {
		err := bus.Publish(t.Context(), topic, eventbus.Event{ID: id, Source: "test", Key: "k"})
		if err == nil {
			return
		}
		if !errors.Is(err, fault.Unavailable) || time.Now().After(end) {
			t.Fatalf("publish %s: %v", id, err)
		}
	}
}

// Expect waits for events with these IDs, among others.
func Expect(t testing.TB, seen <-chan string, ids ...string) {
	t.Helper()
	had := map[string]bool{}
	for _, id := range ids {
		for !had[id] {
			select {
			case got := <-seen:
				had[got] = true
			case <-time.After(waitLimit):
				t.Fatalf("waited in vain for %s; had %d others", id, len(had))
			}
		}
	}
}

// PublishUnderLoad starts publishers, and returns when the broker has accepted some hundred
// events. stop ends them, and returns the IDs that were accepted.
func PublishUnderLoad(t testing.TB, bus eventbus.Publisher, topic string) (stop func() []string) {
	var publishers sync.WaitGroup
	var mu sync.Mutex
	var accepted []string
	done := make(chan struct{})
	for p := range 4 {
		publishers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				id := fmt.Sprint(p, "/", i)
				if bus.Publish(t.Context(), topic, eventbus.Event{ID: id, Source: "test", Key: fmt.Sprint(p)}) == nil {
					mu.Lock()
					accepted = append(accepted, id)
					mu.Unlock()
				}
			}
		})
	}
	for enough := false; !enough; <-time.After(time.Millisecond) {
		mu.Lock()
		enough = len(accepted) >= 400
		mu.Unlock()
	}
	stop = sync.OnceValue(func() []string {
		close(done)
		publishers.Wait()
		return accepted
	})
	t.Cleanup(func() { stop() })
	return stop
}

// memberVariable makes the program of the tests a member of a group that is to be killed: it
// has the address of a broker.
const memberVariable = "SINEW_TEST_MEMBER"

// The topic and the group of the member that is killed.
const (
	crashTopic = "crash"
	crashGroup = "g"
)

// Main runs the tests, or the member that [Crash] kills, on the bus that open returns.
func Main(m *testing.M, open func(address string) (eventbus.Bus, error)) {
	if address := os.Getenv(memberVariable); address != "" {
		hang(open(address))
	}
	goleak.VerifyTestMain(m)
}

// hang subscribes, writes a line for each event that it gets, and never ends.
func hang(bus eventbus.Bus, err error) {
	if err == nil {
		_, err = bus.Subscribe(crashTopic, crashGroup, func(_ context.Context, e eventbus.Event) error {
			fmt.Println(e.ID)
			select {}
		})
	}
	fmt.Println("subscribed", err)
	select {}
}

// Crash kills a process that handles an event, and expects that another member gets it. It
// needs [Main]; bus is one on the broker at the address.
func Crash(t *testing.T, address string, bus eventbus.Bus) {
	member := exec.CommandContext(t.Context(), os.Args[0])
	member.Env = append(os.Environ(), memberVariable+"="+address)
	out, err := member.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := member.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = member.Process.Kill()
		_ = member.Wait()
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "subscribed <nil>") {
		t.Fatalf("the member says %q", lines.Text())
	}
	Publish(t, bus, crashTopic, "1")
	if !lines.Scan() || lines.Text() != "1" {
		t.Fatalf("the member says %q", lines.Text())
	}
	if err := member.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	Expect(t, Collect(t, bus, crashTopic, crashGroup), "1")
}
