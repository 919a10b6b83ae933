package outbox

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// scrapeTimeout limits the queries of one scrape.
const scrapeTimeout = 2 * time.Second

// descs are the metrics of one outbox.
type descs struct{ events, oldest, sent, parked *prometheus.Desc }

// descsOf returns the metrics of a table, which is a constant label: a registry has each
// metric of a collector once.
func descsOf(table string) descs {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("sinew_outbox_"+name, help, labels, prometheus.Labels{"table": table})
	}
	return descs{
		events: desc("events", "Events in the outbox: waiting, later (not due), and parked (refused by the bus).", "state"),
		oldest: desc("oldest_seconds", "How long the oldest event that waits has been waiting."),
		sent:   desc("sent_total", "Events that this process has published."),
		parked: desc("parked_total", "Events that the bus refused, in this process."),
	}
}

// Describe implements prometheus.Collector.
func (o *Outbox) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{o.descs.events, o.descs.oldest, o.descs.sent, o.descs.parked} {
		to <- d
	}
}

// Collect implements prometheus.Collector. It asks the database, for 2 s at most; if that
// does not answer, the metrics of its tables are missing.
func (o *Outbox) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(o.descs.sent, prometheus.CounterValue, float64(o.sent.Load()))
	to <- prometheus.MustNewConstMetric(o.descs.parked, prometheus.CounterValue, float64(o.parked.Load()))
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	s, err := o.Stats(ctx)
	if err != nil {
		o.config.Logger.WarnContext(ctx, "the outbox cannot be counted", "table", o.config.Table, "error", err)
		return
	}
	for state, n := range map[string]int64{"waiting": s.Waiting, "later": s.Later, "parked": s.Parked} {
		to <- prometheus.MustNewConstMetric(o.descs.events, prometheus.GaugeValue, float64(n), state)
	}
	to <- prometheus.MustNewConstMetric(o.descs.oldest, prometheus.GaugeValue, s.Oldest.Seconds())
}

// Stats are the numbers of events in an outbox.
type Stats struct {
	// Waiting is the number of events that were not sent, Later of those that are not due,
	// and Parked of those that the bus refuses.
	Waiting, Later, Parked int64
	// Oldest is how long the oldest event has been waiting, 0 if none waits.
	Oldest time.Duration
}

// Stats counts the events.
func (o *Outbox) Stats(ctx context.Context) (s Stats, err error) {
	var oldest int64
	for _, q := range []struct {
		statement string
		into      []any
	}{
		{`SELECT COUNT(*), COALESCE({now} - MIN(at), 0) FROM {outbox} WHERE sent = 0`, []any{&s.Waiting, &oldest}},
		{`SELECT COUNT(*) FROM {outbox}_later`, []any{&s.Later}},
		{`SELECT COUNT(*) FROM {outbox}_parked`, []any{&s.Parked}},
	} {
		if _, err := o.tables.One(ctx, o.config.DB, q.statement, nil, q.into...); err != nil {
			return Stats{}, err
		}
	}
	s.Oldest = time.Duration(max(oldest, 0)) * time.Millisecond
	return s, nil
}
