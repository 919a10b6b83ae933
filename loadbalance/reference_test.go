package loadbalance_test

import (
	"context"
	"math"
	"time"

	"github.com/sinew-go/sinew/loadbalance"
)

// reference is a slow and obvious model of who is out. It handles calls that take no time.
//   - An unlikely row of failures ejects, each time for longer, unless too many are out or
//     half of the others fail as well. Unlikely means: at the failure rate of the others,
//     of the last two periods, or of the last seconds if that is worse by more than one.
//   - Three good probes in a row end the probation; one bad probe ejects again.
//   - A refused connection counts as a whole row of failures. A refusal for overload is no
//     failure, and a good probe. A call that was cancelled, or had no time, does not count.
//   - With the first call of every quarter of a second all are judged again. If half of the
//     others fail, the ejected ones are used.
//   - An instance that refuses connections while another works is gone: it is out at once,
//     does not count among those that are out, and is probed after half the time for which
//     it has been gone. So is one that is out, was silent for a row of calls, and then
//     refuses connections.
//   - An instance that is gone and answers, even with a failure, counts again; if too many
//     are out then, the one whose ejection ends first is used.
type reference struct {
	now, swept time.Duration
	instances  []*referenceInstance
}

type referenceInstance struct {
	row, ejections, good int
	out                  bool // ejected, or on probation after it
	gone                 bool // out, and refuses connections
	goneSince            time.Duration
	until                time.Duration
	ok, failed           float64 // since the last sweep
	okBefore, badBefore  float64 // between the last two sweeps
	okLately, badLately  float64 // up to the last sweep, fading to 1/e in two seconds
	lastAnswer           time.Duration
	unanswered           int // calls that ran out of time since lastAnswer
}

// outcome is how a call ends.
type outcome int

const (
	worked outcome = iota
	broken
	unreachable
	refused
	neutral
)

const (
	row          = 3
	period       = 5 * time.Second
	minUpdateGap = 500 * time.Microsecond
)

func (p *referenceInstance) failures() (share float64, known bool) {
	bad, all := p.badBefore+p.failed, p.okBefore+p.badBefore+p.ok+p.failed
	if all == 0 {
		return 0, false
	}
	share = bad / all
	if bad, all = p.badLately+p.failed, p.okLately+p.badLately+p.ok+p.failed; bad > 1 {
		share = max(share, bad/all)
	}
	return share, true
}

// failing is the share of the healthy instances other than p with such a row.
func (r *reference) failing(p *referenceInstance, row int) float64 {
	bad, all := 0.0, 0.0
	for _, o := range r.instances {
		if o != p && !o.out {
			if all++; o.row >= row {
				bad++
			}
		}
	}
	return bad / max(all, 1)
}

// hasRoom says whether so many more may be out.
func (r *reference) hasRoom(more int) bool {
	out, all := more, 0
	for _, o := range r.instances {
		switch {
		case !o.out:
			all++
		case !o.gone:
			out++
			all++
		}
	}
	return out == 0 || out < all && (out == 1 || 2*out <= all)
}

// works says that a healthy instance other than p has not failed its last call, and has
// answered since a moment.
func (r *reference) works(p *referenceInstance, since time.Duration) bool {
	for _, o := range r.instances {
		if o != p && !o.out && o.row == 0 && o.lastAnswer >= since {
			return true
		}
	}
	return false
}

// enforceLimit readmits instances until not too many are out, the earliest until first.
func (r *reference) enforceLimit() {
	for !r.hasRoom(0) {
		var first *referenceInstance
		for _, o := range r.instances {
			if o.out && !o.gone && (first == nil || o.until < first.until) {
				first = o
			}
		}
		r.readmit(first, 0)
	}
}

func (r *reference) mayEject(p *referenceInstance) bool {
	rates, rated := 0.0, 0.0
	for _, o := range r.instances {
		if o.out {
			continue
		} else if share, known := o.failures(); known && o != p {
			rates += share
			rated++
		}
	}
	likely := rated > 0 && math.Pow(rates/rated, float64(p.row)) >= 1e-6
	return p.row >= row && !likely && r.hasRoom(1) && r.failing(p, 2) < 0.5
}

func (r *reference) eject(p *referenceInstance) {
	if p.gone {
		if !p.out {
			p.goneSince = r.now
		}
		p.out, p.good, p.until = true, 0, r.now+min(max((r.now-p.goneSince)/2, period/5), 10*period)
		return
	}
	if p.until > 0 && r.now-p.until > 10*period {
		p.ejections = 0
	}
	p.ejections = min(p.ejections+1, 10)
	p.out, p.good, p.until = true, 0, r.now+time.Duration(p.ejections)*period
}

func (r *reference) readmit(p *referenceInstance, row int) {
	p.out, p.gone, p.row, p.until = false, false, row, min(p.until, r.now)
	p.ok, p.failed, p.okBefore, p.badBefore, p.okLately, p.badLately = 0, 0, 0, 0, 0, 0
}

func (r *reference) sweep() {
	weight := math.Exp(-(r.now - r.swept).Seconds() / 2)
	r.swept = r.now
	for _, p := range r.instances {
		p.okLately, p.badLately = p.okLately*weight+p.ok, p.badLately*weight+p.failed
		p.okBefore, p.badBefore, p.ok, p.failed = p.ok, p.failed, 0, 0
	}
	alike := r.failing(nil, row) >= 0.5
	for _, p := range r.instances {
		if alike && p.out && !(p.gone && r.works(p, 0)) {
			defer r.readmit(p, row)
		}
		if !alike && !p.out && r.mayEject(p) {
			r.eject(p)
		}
	}
}

func (r *reference) call(p *referenceInstance, how outcome) {
	bad := how == broken || how == unreachable
	switch {
	case how == neutral && p.lastAnswer < r.now:
		p.unanswered++
	case how == worked && r.now-p.lastAnswer < minUpdateGap && p.unanswered == 0:
	case how == worked, how == broken, how == refused:
		p.lastAnswer, p.unanswered = r.now, 0
	}
	switch {
	case how == worked:
		p.ok++
		p.row = 0
	case bad:
		p.failed++
	}
	switch {
	case how == neutral || p.out && r.now < p.until:
	case p.out && bad:
		p.gone = how == unreachable && (p.gone || p.unanswered >= row && r.works(p, r.now))
		r.eject(p)
		r.enforceLimit()
	case p.out:
		if p.good++; p.good == 3 {
			r.readmit(p, 0)
		}
	case bad:
		before := p.row
		if p.row++; how == unreachable {
			p.row = before + row
		}
		if p.row/row == before/row {
			return
		}
		if p.gone = how == unreachable && r.works(p, 0); p.gone || r.mayEject(p) {
			r.eject(p)
		}
	}
}

func (how outcome) end(picked loadbalance.Picked) {
	ctx := context.Background()
	switch how {
	case worked:
		picked.Done(ctx, nil)
	case broken:
		picked.Done(ctx, errDraining)
	case unreachable:
		picked.Done(ctx, errUnreachable)
	case refused:
		picked.Done(ctx, errNoRoom)
	case neutral:
		late, cancel := context.WithTimeout(ctx, 0)
		defer cancel()
		picked.Done(late, late.Err())
	}
}
