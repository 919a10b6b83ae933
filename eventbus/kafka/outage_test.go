package kafka_test

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

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/kafka"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
)

// collect subscribes and sends the ID of each handled event.
func collect(t *testing.T, b *kafka.Bus, topic, group string) <-chan string {
	t.Helper()
	seen := make(chan string, 100_000)
	if _, err := b.Subscribe(topic, group, func(_ context.Context, e eventbus.Event) error {
		seen <- e.ID
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return seen
}

// publish publishes an event until the broker takes it.
func publish(t *testing.T, b *kafka.Bus, topic, id string) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		err := b.Publish(t.Context(), topic, eventbus.Event{ID: id, Source: "test", Key: "k"})
		if err == nil {
			return
		}
		if !errors.Is(err, fault.Unavailable) || time.Now().After(deadline) {
			t.Errorf("publish %s: %v", id, err)
			return
		}
	}
}

// expect waits for events with these IDs, among others.
func expect(t *testing.T, seen <-chan string, want ...string) {
	t.Helper()
	had := map[string]bool{}
	for _, w := range want {
		for !had[w] {
			select {
			case got := <-seen:
				had[got] = true
			case <-time.After(60 * time.Second):
				t.Fatalf("waited in vain for %s; had %d others", w, len(had))
			}
		}
	}
}

// clockDifference is more than the clocks of brokers and members may differ.
const clockDifference = 4 * time.Second

// testOutage kills the broker and restarts it, with buses from before and from meanwhile.
// Topic late has an event since old.
func testOutage(t *testing.T, server *realserver.Server, old time.Time) {
	before := open(t, server.Addr)
	shared, own := collect(t, before, "killed", "g"), collect(t, before, "killed", "")
	stop := publishUnderLoad(t, before, "killed")
	<-time.After(time.Until(old.Add(clockDifference)))
	server.Kill()

	meanwhile := open(t, server.Addr)
	lateShared, lateOwn := collect(t, meanwhile, "late", "g"), collect(t, meanwhile, "late", "")
	fresh := collect(t, meanwhile, "new", "g")
	server.Start()

	t.Run("what is published while the broker is killed and restarted is handled", func(t *testing.T) {
		publish(t, before, "killed", "after")
		accepted := append(stop(), "after")
		expect(t, own, accepted...)
		expect(t, shared, accepted...)
	})
	t.Run("a bus and subscriptions that start without a broker work when it starts", func(t *testing.T) {
		publish(t, meanwhile, "late", "new")
		publish(t, meanwhile, "new", "first")
		expect(t, fresh, "first")
		for _, seen := range []<-chan string{lateShared, lateOwn} {
			if got := <-seen; got != "new" {
				t.Errorf("got %s, which was there before the group", got)
			}
		}
	})
}

// publishUnderLoad starts publishers, and returns when the brokers have accepted some
// events. stop ends them, and returns the IDs that were accepted.
func publishUnderLoad(t *testing.T, b *kafka.Bus, topic string) (stop func() []string) {
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
				if b.Publish(t.Context(), topic, eventbus.Event{ID: id, Source: "test", Key: fmt.Sprint(p)}) == nil {
					mu.Lock()
					accepted = append(accepted, id)
					mu.Unlock()
				}
			}
		})
	}
	for enough := false; !enough; <-time.After(time.Millisecond) {
		mu.Lock()
		enough = len(accepted) > 400
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

func TestAMemberWhoseProcessIsKilledLosesNoEventOfAFakeCluster(t *testing.T) {
	testCrash(t, fake(t)[0])
}

// testCrash kills a process that handles the only event, and expects that another member
// gets it.
func testCrash(t *testing.T, address string) {
	member := exec.Command(os.Args[0])
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
	b := open(t, address)
	publish(t, b, "crash", "1")
	if !lines.Scan() || lines.Text() != "1" {
		t.Fatalf("the member says %q", lines.Text())
	}
	if err := member.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	expect(t, collect(t, b, "crash", "g"), "1")
}
