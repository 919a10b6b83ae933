package nats_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/realserver"
)

func TestWhatIsPublishedWhileTheServerIsKilledAndRestartedIsHandled(t *testing.T) {
	server := realserver.NATS(t)
	b := open(t, server.Addr)
	shared, own := collect(t, b, "order.placed", "g"), collect(t, b, "order.placed", "")
	var publishers sync.WaitGroup
	var mu sync.Mutex
	var accepted []string
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(accepted)
	}
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
				if b.Publish(t.Context(), "order.placed", eventbus.Event{ID: id, Source: "test", Key: fmt.Sprint(p), Data: []byte(id)}) == nil {
					mu.Lock()
					accepted = append(accepted, id)
					mu.Unlock()
				}
			}
		})
	}
	for count() < 400 {
		<-time.After(time.Millisecond)
	}
	server.Kill()
	server.Start()
	publish(t, b, "order.placed", "after")
	close(done)
	publishers.Wait()
	accepted = append(accepted, "after")
	expect(t, shared, accepted...)
	expect(t, own, accepted...)
}

func TestAMemberWhoseProcessIsKilledLosesNoEvent(t *testing.T) {
	server := realserver.NATS(t)
	member := exec.Command(os.Args[0])
	member.Env = append(os.Environ(), memberVariable+"="+server.Addr)
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
	b := open(t, server.Addr)
	publish(t, b, "crash", "1")
	if !lines.Scan() || lines.Text() != "1" {
		t.Fatalf("the member says %q", lines.Text())
	}
	if err := member.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	expect(t, collect(t, b, "crash", "g"), "1")
}
