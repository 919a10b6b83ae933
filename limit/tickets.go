package limit

import (
	"context"
	"sync"
	"sync/atomic"
)

// Ticket is permission to make one call, from [AdaptiveLimiter.Acquire]. The caller must
// call Done; further calls of Done do nothing.
type Ticket struct {
	limiter    *AdaptiveLimiter
	operation  *operation // nil if the call is not timed
	slot       uint32
	generation uint32
	hopeless   bool  // it cannot be answered in time under any load
	startedAt  int64 // ns since the limiter was created
	budget     int64 // ns until the caller's deadline; 0 if not known
}

// Done reports how the call ended and returns the ticket. ctx is the caller's context. A
// second Done does nothing, on any copy of the ticket; neither does Done of the zero
// Ticket.
func (t Ticket) Done(ctx context.Context, err error) {
	if t.limiter != nil {
		t.limiter.finish(ctx, t, err)
	}
}

// Pause says that the call waits for its own caller, such as for the body of a request.
// Until Resume the call needs no room, and the time does not count. Pause and Resume
// must not be called concurrently.
func (t Ticket) Pause() {
	if t.limiter != nil {
		t.limiter.slots.pause(t.slot, t.generation, t.limiter.now())
	}
}

// Resume ends a Pause. The call continues whether or not there is room.
func (t Ticket) Resume() {
	if t.limiter != nil {
		t.limiter.slots.resume(t.slot, t.generation, t.limiter.now())
	}
}

// slots are the slots of the calls in flight. The free ones form a stack whose head also
// holds how many are in use, so acquiring a slot and counting it is one step (Treiber,
// 1986). A tag in the head detects that it changed and changed back.
type slots struct {
	head    atomic.Uint64 // tag, slots in use, top free slot + 1
	_       [56]byte
	pages   atomic.Pointer[[]*page]
	growing sync.Mutex

	exempt atomic.Int64 // slots in use that need no room: paused, long-running or hopeless
}

const (
	slotBits    = 20
	maxInFlight = 1<<slotBits - 2
	slotMask    = 1<<slotBits - 1
	oneInUse    = 1 << slotBits
	oneTag      = 1 << (2 * slotBits)
	pageSize    = 64
)

type page [pageSize]slot

// slot holds one call in flight. Its generation changes when the call ends, so a ticket
// ends its own call only, and once.
type slot struct {
	next       atomic.Uint32
	generation atomic.Uint32
	exemptFor  atomic.Uint32 // reasons why the call needs no room, as bits
	_          uint32
	startedAt  atomic.Int64 // ns + 1; 0 if not timed
	pausedAt   atomic.Int64 // ns
	pausedFor  atomic.Int64 // total, ns
	_          [24]byte
}

// Reasons why a call needs no room.
const (
	waitsForCaller = 1 << iota // between Ticket.Pause and Ticket.Resume
	longRunning                // it may never end
	hopeless                   // it cannot be answered in time under any load
)

func (t *slots) slotAt(i uint32) *slot { return &(*t.pages.Load())[i/pageSize][i%pageSize] }

func inUse(head uint64) int { return int(head >> slotBits & slotMask) }

// inUse is the number of calls in flight.
func (t *slots) inUse() int { return inUse(t.head.Load()) }

// needingRoom is the number of calls in flight that count towards the limit.
func (t *slots) needingRoom() int { return max(t.inUse()-int(t.exempt.Load()), 0) }

// acquire takes a free slot unless limit slots are in use.
func (t *slots) acquire(limit int) (i, generation uint32, ok bool) {
	for {
		head := t.head.Load()
		if inUse(head) >= limit {
			return 0, 0, false
		}
		top := uint32(head & slotMask)
		if top == 0 {
			t.addPage()
			continue
		}
		p := t.slotAt(top - 1)
		if t.head.CompareAndSwap(head, head&^slotMask+oneInUse+oneTag|uint64(p.next.Load())) {
			return top - 1, p.generation.Load(), true
		}
	}
}

func (t *slots) markStarted(i uint32, now int64, hopelessCall bool) {
	p := t.slotAt(i)
	p.startedAt.Store(now + 1)
	if hopelessCall {
		t.setExempt(p, hopeless, true)
	}
}

// release frees a slot and returns for how long its call was paused. ok is false if the
// slot's generation is another: the ticket has been returned already.
func (t *slots) release(i, generation uint32) (pausedFor int64, ok bool) {
	p := t.slotAt(i)
	if !p.generation.CompareAndSwap(generation, generation+1) {
		return 0, false
	}
	if p.exemptFor.Load() != 0 && p.exemptFor.Swap(0) != 0 {
		t.exempt.Add(-1)
	}
	pausedFor = p.pausedFor.Load()
	if pausedFor != 0 {
		p.pausedFor.Store(0)
	}
	if p.startedAt.Load() != 0 {
		p.startedAt.Store(0)
	}
	t.push(i, ^uint64(oneInUse-1))
	return pausedFor, true
}

// setExempt adds or removes a reason why a call needs no room.
func (t *slots) setExempt(p *slot, reason uint32, exempt bool) {
	for {
		was := p.exemptFor.Load()
		is := was &^ reason
		if exempt {
			is = was | reason
		}
		if is == was {
			return
		}
		if p.exemptFor.CompareAndSwap(was, is) {
			switch {
			case was == 0:
				t.exempt.Add(1)
			case is == 0:
				t.exempt.Add(-1)
			}
			return
		}
	}
}

func (t *slots) pause(i, generation uint32, now int64) {
	if p := t.slotAt(i); p.generation.Load() == generation {
		p.pausedAt.Store(now)
		t.setExempt(p, waitsForCaller, true)
	}
}

func (t *slots) resume(i, generation uint32, now int64) {
	if p := t.slotAt(i); p.generation.Load() == generation && p.exemptFor.Load()&waitsForCaller != 0 {
		p.pausedFor.Add(now - p.pausedAt.Load())
		t.setExempt(p, waitsForCaller, false)
	}
}

// exemptOlder exempts the calls that started before a moment.
func (t *slots) exemptOlder(before int64) {
	pages := t.pages.Load()
	if pages == nil {
		return
	}
	for _, page := range *pages {
		for i := range page {
			p := &page[i]
			generation, startedAt := p.generation.Load(), p.startedAt.Load()
			if startedAt == 0 || startedAt > before || p.exemptFor.Load()&longRunning != 0 {
				continue
			}
			t.setExempt(p, longRunning, true)
			if p.generation.Load() != generation { // the call ended meanwhile, and the slot may hold another
				t.setExempt(p, longRunning, false)
			}
		}
	}
}

// push frees a slot and adds count to the head.
func (t *slots) push(i uint32, count uint64) {
	p := t.slotAt(i)
	for {
		head := t.head.Load()
		p.next.Store(uint32(head & slotMask))
		if t.head.CompareAndSwap(head, head&^slotMask+count+oneTag|uint64(i+1)) {
			return
		}
	}
}

// addPage adds a page of free slots.
func (t *slots) addPage() {
	t.growing.Lock()
	defer t.growing.Unlock()
	if t.head.Load()&slotMask != 0 {
		return
	}
	var pages []*page
	if pagesBefore := t.pages.Load(); pagesBefore != nil {
		pages = append(pages, *pagesBefore...)
	}
	first := uint32(len(pages) * pageSize)
	pages = append(pages, new(page))
	t.pages.Store(&pages)
	for i := first; i < min(first+pageSize, maxInFlight); i++ {
		t.push(i, 0)
	}
}
