package loadbalance_test

import (
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/loadbalance"
)

// world is ten instances of four workers each, and clients that call them at random
// moments, each with its own pool. A call takes 5 ms plus an exponential 5 ms. One
// goroutine runs it all, in virtual time.
type world struct {
	servers []*server
	clients []*loadbalance.Pool
	random  *rand.Rand
	events  events
	began   time.Time
	calls   []endedCall
}

type server struct {
	factor float64 // of the time that a call takes
	err    error   // answered at once, if any
	busy   int
	queue  []func()
}

// endedCall is a call with what became of it.
type endedCall struct {
	began, took time.Duration
	server      int
	probe, good bool
}

const (
	workers     = 4
	capacity    = 10 * workers * 100 // calls a second
	callTimeout = 500 * time.Millisecond
)

func newWorld(seed uint64, clients int, p loadbalance.Policy) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 1)), began: time.Now()}
	for range 10 {
		w.servers = append(w.servers, &server{factor: 1})
	}
	for n := range clients {
		p.Seed = seed*100 + uint64(n) + 1
		w.clients = append(w.clients, pool(p, many(10)))
	}
	return w
}

// run makes perSecond calls a second for d.
func (w *world) run(d time.Duration, perSecond float64) {
	end := time.Since(w.began) + d
	var next func()
	next = func() {
		w.call(w.clients[w.random.IntN(len(w.clients))])
		gap := time.Duration(w.random.ExpFloat64() / perSecond * 1e9)
		if time.Since(w.began)+gap < end {
			w.in(gap, next)
		}
	}
	w.in(0, next)
	for len(w.events) > 0 && w.events[0].at < end {
		e := heap.Pop(&w.events).(event)
		if wait := e.at - time.Since(w.began); wait > 0 {
			<-time.After(wait)
		}
		e.do()
	}
	<-time.After(end - time.Since(w.began))
}

func (w *world) call(b *loadbalance.Pool) {
	picked, err := b.Pick(context.Background(), loadbalance.Request{Safe: true})
	if err != nil {
		panic(err)
	}
	var to int
	_, _ = fmt.Sscan(picked.Instance.ID, &to)
	began, over := time.Since(w.began), false
	done := func(err error) {
		if over {
			return
		}
		over = true
		w.calls = append(w.calls, endedCall{began, time.Since(w.began) - began, to, picked.HedgeAfter > 0, err == nil})
		picked.Done(context.Background(), err)
	}
	w.in(callTimeout, func() { done(context.DeadlineExceeded) })
	s := w.servers[to]
	if s.err != nil {
		w.in(500*time.Microsecond, func() { done(s.err) })
		return
	}
	work := func() {
		w.in(time.Duration((5+5*w.random.ExpFloat64())*s.factor*1e6), func() {
			done(nil)
			if s.busy--; len(s.queue) > 0 {
				next := s.queue[0]
				s.queue = s.queue[1:]
				s.busy++
				next()
			}
		})
	}
	if s.busy < workers {
		s.busy++
		work()
	} else {
		s.queue = append(s.queue, work)
	}
}

func (w *world) in(d time.Duration, do func()) {
	heap.Push(&w.events, event{time.Since(w.began) + d, len(w.calls), do})
}

// between are the calls that started in from..to.
func (w *world) between(from, to time.Duration) *world {
	part := &world{}
	for _, c := range w.calls {
		if c.began >= from && c.began < to {
			part.calls = append(part.calls, c)
		}
	}
	return part
}

// share is a server's share of the calls, in percent.
func (w *world) share(server int) float64 {
	n := 0
	for _, c := range w.calls {
		if c.server == server {
			n++
		}
	}
	return 100 * float64(n) / float64(len(w.calls))
}

// p99 leaves out the calls to a server.
func (w *world) p99(not int) time.Duration {
	var took []time.Duration
	for _, c := range w.calls {
		if c.server != not {
			took = append(took, c.took)
		}
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

type event struct {
	at  time.Duration
	seq int
	do  func()
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// inWorlds runs a test for some seeds, with one client and with twenty.
func inWorlds(t *testing.T, p loadbalance.Policy, test func(t *testing.T, w *world)) {
	for seed := range seeds() {
		for _, clients := range []int{1, 20} {
			t.Run(fmt.Sprintf("%d clients, seed %d", clients, seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { test(t, newWorld(seed+1, clients, p)) })
			})
		}
	}
}
