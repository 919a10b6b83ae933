package limit

import (
	"context"
	"sync"
	"sync/atomic"
)

// Ticket is permission to make one call, from [AdaptiveLimiter.Acquire]. Its
// Done must be called; once is enough.
type Ticket struct {
	limiter *AdaptiveLimiter
	place   uint32
	life    uint32
	begun   int64 // ns since the limiter was made
	budget  int64 // ns that the caller waits, 0 without a deadline
}

// Done says how the call ended, and gives the ticket back. ctx is the context of
// the caller. A second Done does nothing, on any copy of the ticket, nor does one
// of the zero Ticket.
func (t Ticket) Done(ctx context.Context, err error) {
	if t.limiter != nil {
		t.limiter.done(ctx, t, err)
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
	next atomic.Uint32
	life atomic.Uint32
	_    [56]byte
}

func (t *tickets) at(i uint32) *place { return &(*t.pages.Load())[i/pageSize][i%pageSize] }

func taken(head uint64) int { return int(head >> placeBits & placeMask) }

func (t *tickets) taken() int { return taken(t.head.Load()) }

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

// give gives a place back; false where that has been done.
func (t *tickets) give(i, life uint32) bool {
	p := t.at(i)
	if !p.life.CompareAndSwap(life, life+1) {
		return false
	}
	t.push(i, ^uint64(oneTaken-1))
	return true
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
