package loadbalance_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/loadbalance"
)

// reference is the slow and obvious account of who is out: an unlikely row of
// failures ejects, each time longer, unless too many are out or half of the
// others fail as well; then three good calls in a row end the probation and one
// bad one ejects again. A connection that nobody takes is a whole row of failures,
// a refusal is none and lets a probe pass for good, and a call that was cancelled,
// or had no time, says nothing. Unlikely is a row beside what the others' calls
// have come to of late, or in the last seconds if those were worse by more than one. All is looked
// at again with the first call of every quarter of a second, and who was ejected
// is used when half of the others fail. Who takes no connection while another works is
// gone: out at once, not counted among those of which too many may be, and looked for
// again after half the time for which that has lasted. One that answers again, if
// badly, is counted, and who would be used first is then used, if too many are out.
// So is one that is out already, was silent for a row of calls, and then takes none.
// It is told of calls that take no time.
type reference struct {
	now, swept time.Duration
	instances  []*patient
}

type patient struct {
	row, ejections, good int
	out                  bool // ejected, or in probation after it
	gone                 bool // out, and takes no connection
	goneSince            time.Duration
	until                time.Duration
	ok, failed           float64 // since the last look
	okBefore, badBefore  float64 // and in the time between the last two
	okLately, badLately  float64 // and up to it, to 1/e every two seconds
	heard                time.Duration
	unheard              int // calls that ran out of time since
}

// outcome is how a call of the machine ends.
type outcome int

const (
	worked outcome = iota
	broke
	nobodyThere
	refused
	saysNothing
)

const (
	row    = 3
	period = 5 * time.Second
	tick   = 500 * time.Microsecond
)

// failures are the share of p's calls that failed, and whether there were any.
func (p *patient) failures() (share float64, known bool) {
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

// failing is the share of those in use, but for p, with such a row.
func (r *reference) failing(p *patient, row int) float64 {
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

// room says that so many more may be out.
func (r *reference) room(more int) bool {
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

// works says that another than p is used, has not failed its last call, and has
// answered since a moment.
func (r *reference) works(p *patient, since time.Duration) bool {
	for _, o := range r.instances {
		if o != p && !o.out && o.row == 0 && o.heard >= since {
			return true
		}
	}
	return false
}

// settle uses again those whose time is over first, until not too many are out.
func (r *reference) settle() {
	for !r.room(0) {
		var first *patient
		for _, o := range r.instances {
			if o.out && !o.gone && (first == nil || o.until < first.until) {
				first = o
			}
		}
		r.readmit(first, 0)
	}
}

func (r *reference) mayEject(p *patient) bool {
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
	return p.row >= row && !likely && r.room(1) && r.failing(p, 2) < 0.5
}

func (r *reference) eject(p *patient) {
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

func (r *reference) readmit(p *patient, row int) {
	p.out, p.gone, p.row, p.until = false, false, row, min(p.until, r.now)
	p.ok, p.failed, p.okBefore, p.badBefore, p.okLately, p.badLately = 0, 0, 0, 0, 0, 0
}

func (r *reference) look() {
	keep := math.Exp(-(r.now - r.swept).Seconds() / 2)
	r.swept = r.now
	for _, p := range r.instances {
		p.okLately, p.badLately = p.okLately*keep+p.ok, p.badLately*keep+p.failed
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

func (r *reference) call(p *patient, how outcome) {
	bad := how == broke || how == nobodyThere
	switch {
	case how == saysNothing && p.heard < r.now:
		p.unheard++
	case how == worked && r.now-p.heard < tick && p.unheard == 0:
	case how == worked, how == broke, how == refused:
		p.heard, p.unheard = r.now, 0
	}
	switch {
	case how == worked:
		p.ok++
		p.row = 0
	case bad:
		p.failed++
	}
	switch {
	case how == saysNothing || p.out && r.now < p.until:
	case p.out && bad:
		p.gone = how == nobodyThere && (p.gone || p.unheard >= row && r.works(p, r.now))
		r.eject(p)
		r.settle()
	case p.out:
		if p.good++; p.good == 3 {
			r.readmit(p, 0)
		}
	case bad:
		before := p.row
		if p.row++; how == nobodyThere {
			p.row = before + row
		}
		if p.row/row == before/row {
			return
		}
		if p.gone = how == nobodyThere && r.works(p, 0); p.gone || r.mayEject(p) {
			r.eject(p)
		}
	}
}

// end tells the pool that a call has come to this.
func (how outcome) end(picked loadbalance.Picked) {
	ctx := context.Background()
	switch how {
	case worked:
		picked.Done(ctx, nil)
	case broke:
		picked.Done(ctx, errDraining)
	case nobodyThere:
		picked.Done(ctx, errNobodyThere)
	case refused:
		picked.Done(ctx, errNoRoom)
	case saysNothing:
		late, cancel := context.WithTimeout(ctx, 0)
		defer cancel()
		picked.Done(late, late.Err())
	}
}

// machine holds a pool against the reference, for steps drawn by next.
func machine(n, steps int, next func(most int) int) error {
	b := pool(loadbalance.Policy{
		Algorithm: loadbalance.Random,
		Ejection:  loadbalance.Ejection{Failures: row, Period: period, MinCalls: 1 << 30, Window: 1},
	}, many(n))
	r := &reference{}
	began := time.Now()
	var ids []string
	for k := range n {
		r.instances = append(r.instances, &patient{})
		ids = append(ids, fmt.Sprint(k))
	}
	for step := range steps {
		k, what := next(n), next(12)
		if what == 0 {
			<-time.After([]time.Duration{100 * time.Millisecond, period, 12 * period}[next(3)])
		} else {
			others := append(append([]string{}, ids[:k]...), ids[k+1:]...)
			picked, err := b.Pick(context.Background(), loadbalance.Request{Tried: others})
			if err != nil || picked.Instance.ID != ids[k] {
				return fmt.Errorf("step %d: picked %v, %w", step, picked.Instance, err)
			}
			if r.now = time.Since(began); r.now >= r.swept+250*time.Millisecond {
				r.look()
			}
			how := []outcome{broke, broke, broke, broke, broke, worked, worked, worked, nobodyThere, refused, saysNothing}[what-1]
			r.call(r.instances[k], how)
			how.end(picked)
		}
		r.now = time.Since(began)
		for i, s := range b.Snapshot().Instances {
			p := r.instances[i]
			if want := p.out && r.now < p.until; s.Ejected != want || s.Probation != (p.out && !want) {
				return fmt.Errorf("step %d at %s: the reference has %+v, the pool %+v", step, r.now, *p, s)
			}
		}
	}
	return nil
}

func TestEjectionAndProbationGoAsTheReferenceSays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n, draws := rapid.IntRange(1, 6).Draw(rt, "instances"), rapid.SliceOfN(rapid.IntRange(0, 1<<20), 300, 300).Draw(rt, "draws")
		var err error
		synctest.Test(t, func(*testing.T) {
			err = machine(n, 100, func(most int) int {
				next := draws[0] % most
				draws = draws[1:]
				return next
			})
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func FuzzEjectionAndProbation(f *testing.F) {
	f.Add([]byte{3, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0, 7, 0, 7, 0, 7})
	f.Add([]byte{5, 1, 1, 1, 2, 1, 3, 2, 1, 2, 1, 2, 1, 1, 0, 1, 1, 2, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 3 {
			return
		}
		at := 0
		next := func(most int) int {
			at++
			return int(data[at%len(data)]) % most
		}
		synctest.Test(t, func(t *testing.T) {
			if err := machine(1+int(data[0])%6, min(len(data), 200), next); err != nil {
				t.Fatal(err)
			}
		})
	})
}
