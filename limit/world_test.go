package limit_test

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
)

// world is ten instances of a service and its clients, in virtual time: an open loop of
// arrivals, unbounded queues at the instances, and servers that continue to work when
// the caller has gone. One goroutine runs it all.
type world struct {
	seed     uint64
	duration time.Duration
	clients  int
	workers  int           // of an instance; zero is 4
	timeout  time.Duration // of a caller; zero is none
	load     func(at time.Duration) float64
	batch    int // calls that arrive together; zero is 1
	service  func(at time.Duration, r *rand.Rand) time.Duration
	atClient *limit.Adaptive
	atServer *limit.Adaptive

	random  *rand.Rand
	start   time.Time
	now     time.Duration
	callers []*process
	servers []*instance
	events  events
	answers []answer
	limits  []int // of the first limiter, one every 100 ms
}

type process struct {
	limiter *limit.AdaptiveLimiter
	sent    []int // unanswered calls, by instance
	served  int
}

type instance struct {
	limiter *limit.AdaptiveLimiter
	busy    int
	queue   []*request
}

// request is one call and its caller's context.
type request struct {
	context.Context
	world    *world
	begun    time.Duration
	client   *process
	instance int
	atClient limit.AdaptivePermit
	atServer limit.AdaptivePermit
	over     bool
}

func (r *request) Deadline() (time.Time, bool) {
	return r.world.start.Add(r.begun + r.world.timeout), r.world.timeout > 0
}

func (r *request) Err() error {
	if r.world.timeout > 0 && r.world.now >= r.begun+r.world.timeout {
		return context.DeadlineExceeded
	}
	return nil
}

// answer is what a caller received.
type answer struct {
	begun, took time.Duration
	ok, refused bool
}

// event is a request's deadline or the end of its work.
type event struct {
	at         time.Duration
	request    *request
	isDeadline bool
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

// serviceTime is 10 ms in the mean, of which half is constant. Ten instances of four
// workers serve 4,000 calls a second.
func serviceTime(_ time.Duration, r *rand.Rand) time.Duration {
	return time.Duration((5 + 5*r.ExpFloat64()) * float64(time.Millisecond))
}

const capacity = 4000.0

func (w *world) play(t *testing.T) *world {
	synctest.Test(t, func(*testing.T) {
		w.begin()
		timer := time.NewTimer(0)
		defer timer.Stop()
		<-timer.C
		next := time.Duration(0)
		for sampled := time.Duration(0); ; {
			arrives := next < w.duration && (len(w.events) == 0 || next <= w.events[0].at)
			if !arrives && len(w.events) == 0 {
				return
			}
			at := next
			if !arrives {
				at = w.events[0].at
			}
			if at > w.now {
				timer.Reset(at - time.Since(w.start))
				<-timer.C
				w.now = at
			}
			if w.now >= sampled {
				sampled += 100 * time.Millisecond
				w.limits = append(w.limits, w.first().Snapshot().Limit)
			}
			if !arrives {
				w.handle(heap.Pop(&w.events).(event))
				continue
			}
			for range max(w.batch, 1) {
				w.arrive()
			}
			next += time.Duration(w.random.ExpFloat64() * float64(max(w.batch, 1)) / w.load(w.now) * float64(time.Second))
		}
	})
	return w
}

func (w *world) begin() {
	w.random = rand.New(rand.NewPCG(w.seed, 7))
	w.start = time.Now()
	if w.service == nil {
		w.service = serviceTime
	}
	if w.workers == 0 {
		w.workers = 4
	}
	limiter := func(p *limit.Adaptive) *limit.AdaptiveLimiter {
		if p == nil {
			p = &limit.Adaptive{Disabled: true}
		}
		return limit.NewAdaptive("orders", *p)
	}
	for range max(w.clients, 1) {
		w.callers = append(w.callers, &process{limiter: limiter(w.atClient), sent: make([]int, 10)})
	}
	for range 10 {
		w.servers = append(w.servers, &instance{limiter: limiter(w.atServer)})
	}
}

func (w *world) first() *limit.AdaptiveLimiter {
	if w.atClient == nil {
		return w.servers[0].limiter
	}
	return w.callers[0].limiter
}

func (w *world) arrive() {
	c := w.callers[w.random.IntN(len(w.callers))]
	r := &request{Context: context.Background(), world: w, begun: w.now, client: c}
	var err error
	if r.atClient, err = c.limiter.Acquire(r); err != nil {
		w.answers = append(w.answers, answer{w.now, 0, false, true})
		return
	}
	a := w.random.IntN(10)
	b := (a + 1 + w.random.IntN(9)) % 10
	if c.sent[b] < c.sent[a] {
		a = b
	}
	r.instance = a
	c.sent[a]++
	s := w.servers[a]
	if r.atServer, err = s.limiter.Acquire(r); err != nil {
		w.answer(r, err)
		return
	}
	if w.timeout > 0 {
		heap.Push(&w.events, event{w.now + w.timeout, r, true})
	}
	if s.busy < w.workers {
		w.work(s, r)
	} else {
		s.queue = append(s.queue, r)
	}
}

func (w *world) work(s *instance, r *request) {
	s.busy++
	heap.Push(&w.events, event{w.now + w.service(w.now, w.random), r, false})
}

func (w *world) handle(e event) {
	r := e.request
	if e.isDeadline {
		if !r.over {
			w.answer(r, fault.DeadlineExceeded.Errorf("no answer"))
		}
		return
	}
	s := w.servers[r.instance]
	s.busy--
	r.atServer.Done(r, nil)
	if !r.over {
		w.answer(r, nil)
	}
	if len(s.queue) > 0 {
		next := s.queue[0]
		s.queue = s.queue[1:]
		w.work(s, next)
	}
}

// answer ends a request for its caller.
func (w *world) answer(r *request, err error) {
	r.over = true
	r.client.sent[r.instance]--
	r.atClient.Done(r, err)
	if err == nil {
		r.client.served++
	}
	w.answers = append(w.answers, answer{r.begun, w.now - r.begun, err == nil, fault.ReasonOf(err) == "overloaded"})
}

// figures summarise the calls that started within a period.
type figures struct {
	all, good, refused int
	p99                time.Duration
}

func (w *world) in(from, to time.Duration) (f figures) {
	var took []time.Duration
	for _, a := range w.answers {
		if a.begun < from || a.begun >= to {
			continue
		}
		f.all++
		if a.refused {
			f.refused++
		}
		if a.ok {
			f.good++
			took = append(took, a.took)
		}
	}
	slices.Sort(took)
	if len(took) > 0 {
		f.p99 = took[len(took)*99/100]
	}
	return f
}

func (f figures) goodShare() float64 { return float64(f.good) / float64(max(f.all, 1)) }

// recovered is how long after from it took until 99 % of the calls are good for three
// seconds in a row.
func (w *world) recovered(from time.Duration) time.Duration {
	const step = 250 * time.Millisecond
	for at := from; at+3*time.Second <= w.duration; at += step {
		good := true
		for s := at; s < at+3*time.Second && good; s += time.Second {
			good = w.in(s, s+time.Second).goodShare() >= 0.99
		}
		if good {
			return at - from
		}
	}
	return w.duration
}

// slower makes serviceTime longer by a factor during a period.
func slower(times float64, from, to time.Duration) func(time.Duration, *rand.Rand) time.Duration {
	return func(at time.Duration, r *rand.Rand) time.Duration {
		took := serviceTime(at, r)
		if at >= from && at < to {
			took = time.Duration(times * float64(took))
		}
		return took
	}
}
