package metrics

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/fault"
)

// Operation observes the calls of one operation, or the events of one topic. It is
// safe for concurrent use.
type Operation struct {
	total    *prometheus.CounterVec
	labels   []string
	duration prometheus.Observer
	byCode   [codes]atomic.Pointer[prometheus.Counter]
}

func newRecorder(s *side, labels []string) *Operation {
	return &Operation{total: s.total, labels: slices.Clip(labels), duration: s.duration.WithLabelValues(labels...)}
}

// Observe counts a call that took d and ended with err.
func (r *Operation) Observe(d time.Duration, err error) {
	r.duration.Observe(d.Seconds())
	r.counter(fault.CodeOf(err)).Inc()
}

// counter is the code's series, made when the code first occurs.
func (r *Operation) counter(c fault.Code) prometheus.Counter {
	if int(c) < 0 || int(c) >= codes {
		c = fault.Unknown
	}
	if known := r.byCode[c].Load(); known != nil {
		return *known
	}
	counter := r.total.WithLabelValues(append(r.labels, c.String())...)
	r.byCode[c].Store(&counter)
	return counter
}
