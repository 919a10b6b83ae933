package simtest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// panel is one diagram of a chart, over the time of the run.
type panel struct {
	title   string // with the unit
	curves  []curve
	log     bool
	atLeast float64 // the minimum for the end of the axis
}

// curve is a line in a panel, with a point for each step.
type curve struct {
	name   string
	class  int
	step   time.Duration
	values []float64 // NaN where there is nothing
}

// callsPanel shows the calls offered, served and failed.
func (r *Result) callsPanel(step time.Duration) panel {
	rate := func(count func(window ...time.Duration) int) []float64 {
		return r.perStep(step, func(from, to time.Duration) float64 { return float64(count(from, to)) / (to - from).Seconds() })
	}
	good := r.perStep(step, func(from, to time.Duration) float64 { return r.Goodput(from, to) })
	return panel{title: "calls per second, by when they began", atLeast: 1, curves: []curve{
		{"offered", 0, step, rate(r.Offered)}, {"served in time", 1, step, good}, {"failed", 2, step, rate(r.Failed)},
	}}
}

// latencyPanel shows how long calls took, separately for all and for the served: a mix of
// immediate refusals and served calls would describe neither.
func (r *Result) latencyPanel(step time.Duration) panel {
	quantile := func(q float64, goodOnly bool) []float64 {
		return r.perStep(step, func(from, to time.Duration) float64 {
			latency := r.quantile(q, goodOnly, []time.Duration{from, to})
			if latency == 0 {
				return math.NaN()
			}
			return max(latency.Seconds()*1000, 0.01)
		})
	}
	return panel{title: "latency of calls in ms, by when they began (logarithmic)", log: true, curves: []curve{
		{"p99 of all", 0, step, quantile(0.99, false)}, {"p99 of the served", 2, step, quantile(0.99, true)}, {"p50 of the served", 1, step, quantile(0.5, true)},
	}}
}

// attemptsPanel shows the attempts that each service receives per call.
func (r *Result) attemptsPanel(step time.Duration) panel {
	p := panel{title: "attempts per call of a service", atLeast: 1.5}
	for n, s := range r.world.Services {
		p.curves = append(p.curves, curve{s.Name, curveClass(n), step, r.perStep(step, func(from, to time.Duration) float64 {
			if r.Requests(s.Name, from, to) == 0 {
				return math.NaN()
			}
			return r.Attempts(s.Name, from, to) / r.Requests(s.Name, from, to)
		})})
	}
	return p
}

// sharesPanel shows the share of a service's attempts at the instances that the script
// names. It is false if the script names none.
func (r *Result) sharesPanel(step time.Duration) (panel, bool) {
	p := panel{title: "attempts at these instances, % of those at their service", atLeast: 10}
	drawn := map[string]bool{}
	for _, e := range r.world.inOrder() {
		a := e.what
		if key := a.subject(); len(a.instances) > 0 && !drawn[key] {
			drawn[key] = true
			p.curves = append(p.curves, curve{key, curveClass(len(p.curves)), step, r.perStep(step, func(from, to time.Duration) float64 {
				if r.Attempts(a.service, from, to) == 0 {
					return math.NaN()
				}
				sum := 0.0
				for _, n := range a.instances {
					sum += r.Share(a.service, n, from, to)
				}
				return 100 * sum
			})})
		}
	}
	return p, len(p.curves) > 0
}

// breakersPanel shows the breakers of each caller and service.
func (r *Result) breakersPanel(step time.Duration) panel {
	p := panel{title: "breakers that are not closed, % of a caller's", atLeast: 100}
	step = max(step, sampleInterval)
	for n, key := range slices.Sorted(maps.Keys(r.breakers)) {
		b := r.breakers[key]
		p.curves = append(p.curves, curve{key, curveClass(n), step, r.perStep(step, func(from, to time.Duration) float64 {
			all := b.all.sum(from, to, sampleInterval)
			if all == 0 {
				return math.NaN()
			}
			return 100 * float64(b.open.sum(from, to, sampleInterval)) / float64(all)
		})})
	}
	return p
}

// curveClass is the style of the n-th curve. It skips those of offered and failed calls.
func curveClass(n int) int { return []int{1, 3, 4, 5, 6, 7}[n%6] }

// draw draws the panel with its top at y.
func (p panel) draw(c *canvas, y float64) {
	low, high := p.bounds()
	at := func(v float64) float64 {
		if p.log {
			v, low, high := math.Log10(v), math.Log10(low), math.Log10(high)
			return y + panelHeight*(1-(v-low)/(high-low))
		}
		return y + panelHeight*(1-(v-low)/(high-low))
	}
	c.text(plotLeft, y-8, "head", "start", p.title)
	for _, v := range p.ticks(low, high) {
		c.line(plotLeft, at(v), plotRight, at(v), "grid")
		c.text(plotLeft-8, at(v)+4, "soft", "end", strconv.FormatFloat(v, 'g', 6, 64))
	}
	c.line(plotLeft, y+panelHeight, plotRight, y+panelHeight, "axis")
	every := firstAtLeast(c.span.Seconds()/8, []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600})
	for s := 0.0; s <= c.span.Seconds(); s += every {
		moment := time.Duration(s * float64(time.Second))
		c.line(c.x(moment), y+panelHeight, c.x(moment), y+panelHeight+4, "axis")
		c.text(c.x(moment), y+panelHeight+17, "soft", "middle", shortDuration(moment))
	}
	for n, curve := range p.curves {
		curve.draw(c, at)
		const size, most = 16, panelHeight / 16
		if n < most {
			row := y + 8 + float64(n)*size
			c.put(`<path class="s%d" d="M%d %.1fh22"/>`+"\n", curve.class, plotRight+14, row)
			c.text(plotRight+42, row+4, "label", "start", curve.name)
		}
	}
}

// bounds are the ends of the axis.
func (p panel) bounds() (low, high float64) {
	low, high = math.Inf(1), p.atLeast
	for _, c := range p.curves {
		for _, v := range c.values {
			if !math.IsNaN(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if !p.log {
		return 0, high
	}
	if math.IsInf(low, 1) {
		return 1, 10
	}
	low, high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	return low, max(high, low*10)
}

func (p panel) ticks(low, high float64) (all []float64) {
	if p.log {
		for v := low; v <= high*1.001; v *= 10 {
			all = append(all, v)
		}
		return all
	}
	scale := math.Pow(10, math.Floor(math.Log10(high)))
	every := firstAtLeast(high/5, []float64{scale / 20, scale / 10, scale / 5, scale / 4, scale / 2, scale, 2 * scale, 5 * scale})
	for n := 0.0; n*every <= high*1.001; n++ {
		all = append(all, n*every)
	}
	return all
}

// firstAtLeast returns the first of the steps that is at least wanted, or the last.
func firstAtLeast(wanted float64, steps []float64) float64 {
	for _, s := range steps {
		if s >= wanted {
			return s
		}
	}
	return max(steps[len(steps)-1], wanted)
}

// draw draws the curve. at is the vertical position of a value.
func (l curve) draw(c *canvas, at func(v float64) float64) {
	var d strings.Builder
	move := "M"
	for n, v := range l.values {
		moment := time.Duration(n)*l.step + l.step/2
		if math.IsNaN(v) || moment > c.span {
			move = "M"
			continue
		}
		fmt.Fprintf(&d, "%s%.1f %.1f", move, c.x(moment), at(v))
		move = "L"
	}
	if d.Len() > 0 {
		c.put(`<path class="s%d" d="%s"/>`+"\n", l.class, d.String())
	}
}

// shortDuration formats a duration without zero units at its end.
func shortDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
