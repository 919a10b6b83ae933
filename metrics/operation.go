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
	total    *prometheus.CounterVec
	labels   []string
	duration prometheus.Observer
	byCode   [codes]atomic.Pointer[prometheus.Counter]
}

func newOperation(s *seriesPair, labels []string) *Operation {
	return &Operation{total: s.total, labels: slices.Clip(labels), duration: s.duration.WithLabelValues(labels...)}
}

// Observe counts a call that took d and ended with err, which is nil for a success.
func (o *Operation) Observe(d time.Duration, err error) {
	o.duration.Observe(d.Seconds())
	o.counter(fault.CodeOf(err)).Inc()
}

// counter returns the series of a code, made when the code first occurs.
func (o *Operation) counter(c fault.Code) prometheus.Counter {
	if int(c) < 0 || int(c) >= codes {
		c = fault.Unknown
	}
	if known := o.byCode[c].Load(); known != nil {
		return *known
	}
	counter := o.total.WithLabelValues(append(o.labels, c.String())...)
	o.byCode[c].Store(&counter)
	return counter
}
