package metrics

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/fault"
)

// Operation observes the calls of one operation, or the events of one topic. It is safe
// for concurrent use.
type Operation struct {
	pair     *seriesPair
	labels   []string
	duration prometheus.Observer // nil if there is one for each code
	byCode   [codes]atomic.Pointer[result]
}

// result is the series of one code.
type result struct {
	total    prometheus.Counter
	duration prometheus.Observer
}

func newOperation(s *seriesPair, labels []string) *Operation {
	o := &Operation{pair: s, labels: slices.Clip(labels)}
	if !s.timesCodes {
		o.duration = s.duration.WithLabelValues(labels...)
	}
	return o
}

// Observe counts a call that took d and ended with err, which is nil for a success.
func (o *Operation) Observe(d time.Duration, err error) {
	r := o.result(fault.CodeOf(err))
	r.duration.Observe(d.Seconds())
	r.total.Inc()
}

// result returns the series of a code, made when the code first occurs.
func (o *Operation) result(c fault.Code) *result {
	if int(c) < 0 || int(c) >= codes {
		c = fault.Unknown
	}
	if known := o.byCode[c].Load(); known != nil {
		return known
	}
	labels := slices.Concat(o.labels, []string{c.String()})
	r := &result{total: o.pair.total.WithLabelValues(labels...), duration: o.duration}
	if r.duration == nil {
		r.duration = o.pair.duration.WithLabelValues(labels...)
	}
	o.byCode[c].Store(r)
	return r
}
