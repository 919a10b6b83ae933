package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Consumer observes the events of one topic that one group handles. It is safe for
// concurrent use.
type Consumer struct {
	handled                   *Operation
	redeliveries, deadLetters prometheus.Counter
}

// Consumer returns what observes the events of a topic that this service handles for a
// group.
func (m *Metrics) Consumer(service, topic, group string) Consumer {
	o := m.recorder(&m.consumer, "", service, topic, group)
	return Consumer{
		handled:      o,
		redeliveries: m.redeliveries.WithLabelValues(o.labels...),
		deadLetters:  m.deadLetters.WithLabelValues(o.labels...),
	}
}

// Observe counts a delivery that took d and ended with err, which is nil for a success.
// number is 1 for the first delivery of an event, and 0 if the bus does not count. putAside
// says that the event is a dead letter now.
func (c Consumer) Observe(d time.Duration, err error, number int, putAside bool) {
	c.handled.Observe(d, err)
	if number > 1 {
		c.redeliveries.Inc()
	}
	if putAside {
		c.deadLetters.Inc()
	}
}

func newConsumerCounter(r prometheus.Registerer, name, help string) *prometheus.CounterVec {
	return register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sinew_consumer_" + name, Help: help}, slices.Clone(consumerLabels)))
}

var consumerLabels = []string{"service", "topic", "group"}
