package limit

import (
	"sync"
	"sync/atomic"
)

// slots are the slots of the calls in flight. The free ones form a stack whose head also
// holds how many are in use, so acquiring a slot and counting it is one step (Treiber,
// 1986). A tag in the head detects that it changed and changed back.
type slots struct {
	head    atomic.Uint64 // tag, slots in use, top free slot + 1
	_       cacheLine
	pages   atomic.Pointer[[]*page]
	growing sync.Mutex

	exempted      atomic.Int64 // slots in use that need no room: paused, long-running or hopeless
	exemptFromMax atomic.Int64 // of those, the ones that Adaptive.Max does not count: all but hopeless ones
}

const (
	// slotBits is the size of a slot's number in the head. Two of them leave 24 bits for the
	// tag, so the head must change 16 million times within one step to be mistaken.
	slotBits = 20
	slotMask = 1<<slotBits - 1
	oneInUse = 1 << slotBits
	oneTag   = 1 << (2 * slotBits)
	// maxInFlight leaves room for the number 0, which says that no slot is free, and for a count
	// of one more.
	maxInFlight = 1<<slotBits - 2
	// pageSize is how many slots are allocated together: 4 KiB.
	pageSize = 64
)

type page [pageSize]slot

func (s *slots) slotAt(i uint32) *slot { return &(*s.pages.Load())[i/pageSize][i%pageSize] }

func inUse(head uint64) int { return int(head >> slotBits & slotMask) }

// inUse is the number of calls in flight.
func (s *slots) inUse() int { return inUse(s.head.Load()) }

// needingRoom is the number of calls in flight that count towards the limit.
func (s *slots) needingRoom() int { return max(s.inUse()-int(s.exempted.Load()), 0) }

// acquire occupies a free slot unless limit slots are in use.
func (s *slots) acquire(limit int) (i, generation uint32, ok bool) {
	limit = min(limit, maxInFlight)
	for {
		head := s.head.Load()
		if inUse(head) >= limit {
			return 0, 0, false
		}
		top := uint32(head & slotMask)
		if top == 0 {
			s.addPage()
			continue
		}
		p := s.slotAt(top - 1)
		if s.head.CompareAndSwap(head, head&^slotMask+oneInUse+oneTag|uint64(p.next.Load())) {
			return top - 1, p.generation.Load(), true
		}
	}
}

func (s *slots) markStarted(i uint32, now int64, hopelessCall bool) {
	p := s.slotAt(i)
	p.startedAt.Store(now + 1)
	if hopelessCall {
		s.setExempt(p, hopeless, true)
	}
}

// release frees a slot and returns for how long its call was paused. ok is false if its
// call has ended already: a slot that is freed twice would be given to two calls, and the
// number of slots in use would be wrong from then on.
func (s *slots) release(i, generation uint32) (pausedFor int64, ok bool) {
	p := s.slotAt(i)
	if !p.generation.CompareAndSwap(generation, generation+1) {
		return 0, false
	}
	if p.exemptFor.Load() != 0 {
		s.countExempt(p.exemptFor.Swap(0), 0)
	}
	pausedFor = p.pausedFor.Load()
	if pausedFor != 0 {
		p.pausedFor.Store(0)
	}
	if p.startedAt.Load() != 0 {
		p.startedAt.Store(0)
	}
	s.push(i, ^uint64(oneInUse-1))
	return pausedFor, true
}

// setExempt adds or removes a reason why a call needs no room.
func (s *slots) setExempt(p *slot, reason uint32, exempt bool) {
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
			s.countExempt(was, is)
			return
		}
	}
}

// exempt adds a reason for the call of this generation. If that has ended meanwhile, the slot
// may hold another, to which the reason does not apply.
func (s *slots) exempt(p *slot, generation, reason uint32) {
	s.setExempt(p, reason, true)
	if p.generation.Load() != generation {
		s.setExempt(p, reason, false)
	}
}

// countExempt counts a change of a slot's reasons.
func (s *slots) countExempt(was, is uint32) {
	count := func(n *atomic.Int64, reasons uint32) {
		switch before, now := was&reasons != 0, is&reasons != 0; {
		case now && !before:
			n.Add(1)
		case before && !now:
			n.Add(-1)
		}
	}
	count(&s.exempted, beyondMax|hopeless)
	count(&s.exemptFromMax, beyondMax)
}

func (s *slots) pause(i, generation uint32, now int64) {
	if p := s.slotAt(i); p.generation.Load() == generation {
		p.pausedAt.Store(now)
		s.exempt(p, generation, waitsForCaller)
	}
}

func (s *slots) resume(i, generation uint32, now int64) {
	if p := s.slotAt(i); p.generation.Load() == generation && p.exemptFor.Load()&waitsForCaller != 0 {
		p.pausedFor.Add(now - p.pausedAt.Load())
		s.setExempt(p, waitsForCaller, false)
	}
}

// exemptOlder exempts the calls that started before a moment.
func (s *slots) exemptOlder(before int64) {
	pages := s.pages.Load()
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
			s.exempt(p, generation, longRunning)
		}
	}
}

// push frees a slot and adds count to the head.
func (s *slots) push(i uint32, count uint64) {
	p := s.slotAt(i)
	for {
		head := s.head.Load()
		p.next.Store(uint32(head & slotMask))
		if s.head.CompareAndSwap(head, head&^slotMask+count+oneTag|uint64(i+1)) {
			return
		}
	}
}

// addPage adds a page of free slots.
func (s *slots) addPage() {
	s.growing.Lock()
	defer s.growing.Unlock()
	if s.head.Load()&slotMask != 0 {
		return
	}
	var pages []*page
	if pagesBefore := s.pages.Load(); pagesBefore != nil {
		pages = append(pages, *pagesBefore...)
	}
	first := uint32(len(pages) * pageSize)
	pages = append(pages, new(page))
	s.pages.Store(&pages)
	for i := first; i < min(first+pageSize, maxInFlight); i++ {
		s.push(i, 0)
	}
}
