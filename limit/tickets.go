package limit

import (
	"context"
	"sync"
	"sync/atomic"
)

// Ticket is permission to make one call, from [AdaptiveLimiter.Acquire]. Its
// Done must be called; once is enough.
type Ticket struct {
	limiter   *AdaptiveLimiter
	operation *operation // nil where the call is not timed
	place     uint32
	life      uint32
	vain      bool  // its caller cannot be answered in time, whatever the load
	begun     int64 // ns since the limiter was made
	budget    int64 // ns that the caller waits, 0 where that is not known
}

// Done says how the call ended, and gives the ticket back. ctx is the context of
// the caller. A second Done does nothing, on any copy of the ticket, nor does one
// of the zero Ticket.
func (t Ticket) Done(ctx context.Context, err error) {
	if t.limiter != nil {
		t.limiter.done(ctx, t, err)
	}
}

// Pause says that the call waits for its caller from now on, for the body of a
// request as an example: it needs no room meanwhile, and takes no time. One
// goroutine at a time may use Pause and Resume.
func (t Ticket) Pause() {
	if t.limiter != nil {
		t.limiter.tickets.pause(t.place, t.life, t.limiter.moment())
	}
}

// Resume ends a Pause. The call goes on whether or not there is room.
func (t Ticket) Resume() {
	if t.limiter != nil {
		t.limiter.tickets.resume(t.place, t.life, t.limiter.moment())
	}
}

// tickets are the places of the calls under way: a stack of those that are free,
// whose head says also how many are not, so that taking one and counting it is
// one step (Treiber, 1986; a tag keeps a head that comes back from being taken
// for the one that was).
type tickets struct {
	head  atomic.Uint64 // tag, taken, free place + 1
	_     [56]byte
	pages atomic.Pointer[[]*page]
	grow  sync.Mutex

	aside atomic.Int64 // of those that are taken, need no room: they wait for their caller, or are old
}

const (
	placeBits  = 20
	maxTickets = 1<<placeBits - 2
	placeMask  = 1<<placeBits - 1
	oneTaken   = 1 << placeBits
	oneTag     = 1 << (2 * placeBits)
	pageSize   = 64
)

type page [pageSize]place

// place is where a call is under way. Its life changes when that ends, so that
// one ticket ends it once.
type place struct {
	next   atomic.Uint32
	life   atomic.Uint32
	state  atomic.Uint32 // what keeps it aside
	_      uint32
	begun  atomic.Int64 // when the call did, in ns, and 1; 0 where it was not timed
	paused atomic.Int64 // since when it waits for its caller
	waited atomic.Int64 // for its caller, in ns
	_      [24]byte
}

// What keeps a place aside.
const (
	waits = 1 << iota // for its caller
	old               // so long that nobody counts on its end
	vain              // its caller cannot be answered in time, whatever the load
)

func (t *tickets) at(i uint32) *place { return &(*t.pages.Load())[i/pageSize][i%pageSize] }

func taken(head uint64) int { return int(head >> placeBits & placeMask) }

// taken are all calls under way.
func (t *tickets) taken() int { return taken(t.head.Load()) }

// running are those that need room.
func (t *tickets) running() int { return max(t.taken()-int(t.aside.Load()), 0) }

// take takes a place, unless as many as most are taken.
func (t *tickets) take(most int) (i, life uint32, ok bool) {
	for {
		head := t.head.Load()
		if taken(head) >= most {
			return 0, 0, false
		}
		top := uint32(head & placeMask)
		if top == 0 {
			t.more()
			continue
		}
		p := t.at(top - 1)
		if t.head.CompareAndSwap(head, head&^placeMask+oneTaken+oneTag|uint64(p.next.Load())) {
			return top - 1, p.life.Load(), true
		}
	}
}

// begin notes when the call of a place begins, and whether it is in vain.
func (t *tickets) begin(i uint32, now int64, inVain bool) {
	p := t.at(i)
	p.begun.Store(now + 1)
	if inVain {
		t.keep(p, vain, true)
	}
}

// give gives a place back, and is for how long its call has waited for its
// caller; false where that has been done.
func (t *tickets) give(i, life uint32) (waited int64, ok bool) {
	p := t.at(i)
	if !p.life.CompareAndSwap(life, life+1) {
		return 0, false
	}
	if p.state.Load() != 0 && p.state.Swap(0) != 0 {
		t.aside.Add(-1)
	}
	waited = p.waited.Load()
	if waited != 0 {
		p.waited.Store(0)
	}
	if p.begun.Load() != 0 {
		p.begun.Store(0)
	}
	t.push(i, ^uint64(oneTaken-1))
	return waited, true
}

// keep adds or removes a reason to keep a place aside.
func (t *tickets) keep(p *place, reason uint32, aside bool) {
	for {
		was := p.state.Load()
		is := was &^ reason
		if aside {
			is = was | reason
		}
		if is == was {
			return
		}
		if p.state.CompareAndSwap(was, is) {
			switch {
			case was == 0:
				t.aside.Add(1)
			case is == 0:
				t.aside.Add(-1)
			}
			return
		}
	}
}

func (t *tickets) pause(i, life uint32, now int64) {
	if p := t.at(i); p.life.Load() == life {
		p.paused.Store(now)
		t.keep(p, waits, true)
	}
}

func (t *tickets) resume(i, life uint32, now int64) {
	if p := t.at(i); p.life.Load() == life && p.state.Load()&waits != 0 {
		p.waited.Add(now - p.paused.Load())
		t.keep(p, waits, false)
	}
}

// age keeps those aside that began before a moment.
func (t *tickets) age(before int64) {
	pages := t.pages.Load()
	if pages == nil {
		return
	}
	for _, page := range *pages {
		for i := range page {
			p := &page[i]
			life, begun := p.life.Load(), p.begun.Load()
			if begun == 0 || begun > before || p.state.Load()&old != 0 {
				continue
			}
			t.keep(p, old, true)
			if p.life.Load() != life { // it ended meanwhile, and the place may be another call's
				t.keep(p, old, false)
			}
		}
	}
}

// push makes a place the next one to take, and adds to the head's count.
func (t *tickets) push(i uint32, count uint64) {
	p := t.at(i)
	for {
		head := t.head.Load()
		p.next.Store(uint32(head & placeMask))
		if t.head.CompareAndSwap(head, head&^placeMask+count+oneTag|uint64(i+1)) {
			return
		}
	}
}

// more adds a page of free places.
func (t *tickets) more() {
	t.grow.Lock()
	defer t.grow.Unlock()
	if t.head.Load()&placeMask != 0 {
		return
	}
	var pages []*page
	if old := t.pages.Load(); old != nil {
		pages = append(pages, *old...)
	}
	first := uint32(len(pages) * pageSize)
	pages = append(pages, new(page))
	t.pages.Store(&pages)
	for i := first; i < min(first+pageSize, maxTickets); i++ {
		t.push(i, 0)
	}
}
