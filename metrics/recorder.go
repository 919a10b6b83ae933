package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/fault"
)

// Recorder observes the calls of one operation. It is safe for concurrent use.
type Recorder struct {
	requests *prometheus.CounterVec
	labels   [2]string
	duration prometheus.Observer
	byCode   [codes]atomic.Pointer[prometheus.Counter]
}

func newRecorder(s *side, service, operation string) *Recorder {
	return &Recorder{requests: s.requests, labels: [2]string{service, operation}, duration: s.duration.WithLabelValues(service, operation)}
}

// Observe counts a call that took d and ended with err.
func (r *Recorder) Observe(d time.Duration, err error) {
	r.duration.Observe(d.Seconds())
	r.counter(fault.CodeOf(err)).Inc()
}

// counter is the code's series, made when the code first occurs.
func (r *Recorder) counter(c fault.Code) prometheus.Counter {
	if int(c) < 0 || int(c) >= codes {
		c = fault.Unknown
	}
	if known := r.byCode[c].Load(); known != nil {
		return *known
	}
	counter := r.requests.WithLabelValues(r.labels[0], r.labels[1], c.String())
	r.byCode[c].Store(&counter)
	return counter
}
