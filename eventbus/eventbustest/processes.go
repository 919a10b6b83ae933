package eventbustest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus"
)

// processes are the rules about members of a group in several processes. Each has a bus
// of its own.
var processes = []rule{
	{
		Name:     "processes_come_and_go",
		Sentence: "Nothing is lost, and no key is with two members at once, while processes come and go under load.",
		Unless:   func(f Features) bool { return f.ForgetsGroups },
		Check:    processesComeAndGo,
	},
	{
		Name:     "processes_share",
		Sentence: "The members of a group share its events although each is in a process of its own.",
		Unless:   func(f Features) bool { return f.ForgetsGroups },
		Check: func(s *subject) {
			var handled [2]atomic.Int64
			all := newLog()
			for i := range handled {
				s.subscribeOn(s.open(s.T), func(_ context.Context, e eventbus.Event) error {
					<-time.After(time.Millisecond) // busy enough for the other to get some
					handled[i].Add(1)
					all.add(e)
					return nil
				})
			}
			for n := 0; handled[0].Load() == 0 || handled[1].Load() == 0; n++ { // until both have partitions
				s.publish(fmt.Sprint("k", n), "1")
				if n == 20_000 {
					s.Fatalf("one member gets nothing: %d and %d", handled[0].Load(), handled[1].Load())
				}
			}
		},
	},
	{
		Name:     "slow_group",
		Sentence: "A group whose handlers hang slows no other group.",
		Unless:   func(f Features) bool { return !f.NoBackPressure },
		Check: func(s *subject) {
			seen, leave := newLog(), make(chan struct{})
			defer close(leave)
			s.subscribe("slow", func(context.Context, eventbus.Event) error {
				<-leave
				return nil
			})
			s.subscribe("quick", seen.record)
			for k := range 20 {
				s.publish(fmt.Sprint("k", k), numbers(s.Events/20)...)
			}
			s.wait(seen, "all events of the other group", atLeast(s.Events/20*20))
		},
	},
}

func (s *subject) subscribeOn(bus eventbus.Bus, h eventbus.Handler) {
	s.Helper()
	if _, err := bus.Subscribe(s.topic, "g", h); err != nil {
		s.Fatal(err)
	}
}

// processesComeAndGo publishes while processes join the group and leave it again, the
// first of them as well, and one that is cut short.
func processesComeAndGo(s *subject) {
	seen := newLog()
	var busy sync.Map
	handle := func(ctx context.Context, e eventbus.Event) error {
		if _, taken := busy.LoadOrStore(e.Key, true); taken && !s.NoOrder {
			s.Errorf("two members with key %s at once", e.Key)
		}
		defer busy.Delete(e.Key)
		<-time.After(200 * time.Microsecond)
		if ctx.Err() == nil {
			seen.add(e)
		}
		return ctx.Err()
	}
	first := s.open(s.T)
	s.subscribeOn(first, handle)
	const keys = 8
	var publishers sync.WaitGroup
	var done atomic.Bool
	var published [keys]int
	for k := range keys {
		publishers.Go(func() {
			for ; !done.Load(); published[k]++ {
				s.publish(fmt.Sprint("k", k), fmt.Sprintf("%08d", published[k]))
				<-time.After(4 * time.Millisecond)
			}
		})
	}
	end := func(bus eventbus.Bus, ctx context.Context) {
		if err := bus.Close(ctx); err != nil && ctx.Err() == nil {
			s.Errorf("close: %v", err)
		}
	}
	cut, cancel := context.WithCancel(s.limited())
	cancel()
	processes := []eventbus.Bus{first}
	for i := range 3 {
		next := s.open(s.T)
		s.subscribeOn(next, handle)
		before := len(seen.all())
		s.wait(seen, "events while processes come and go", func(e []eventbus.Event) bool { return len(e) > before+50 })
		if i == 1 {
			end(processes[0], cut)
		} else {
			end(processes[0], s.limited())
		}
		processes = append(processes[1:], next)
	}
	done.Store(true)
	publishers.Wait()
	total := 0
	for _, n := range published {
		total += n
	}
	s.checkOrder(s.wait(seen, "all events", atLeast(total)))
}
