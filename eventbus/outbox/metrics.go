package outbox

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type count = atomic.Int64

// scrapeTimeout limits the queries of one scrape.
const scrapeTimeout = 2 * time.Second

// The metrics, each with the label table.
var (
	eventsDesc = prometheus.NewDesc("sinew_outbox_events", "Events in the outbox: waiting, later (not due), and parked (refused by the bus).", []string{"table", "state"}, nil)
	oldestDesc = prometheus.NewDesc("sinew_outbox_oldest_seconds", "How long the oldest event that waits has been waiting.", []string{"table"}, nil)
	sentDesc   = prometheus.NewDesc("sinew_outbox_sent_total", "Events that this process has published.", []string{"table"}, nil)
	parkedDesc = prometheus.NewDesc("sinew_outbox_parked_total", "Events that the bus refused, in this process.", []string{"table"}, nil)
)

// Describe implements prometheus.Collector.
func (o *Outbox) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{eventsDesc, oldestDesc, sentDesc, parkedDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector. It asks the database, for 2 s at most; if that
// does not answer, the metrics of its tables are missing.
func (o *Outbox) Collect(to chan<- prometheus.Metric) {
	table := o.config.Table
	to <- prometheus.MustNewConstMetric(sentDesc, prometheus.CounterValue, float64(o.sent.Load()), table)
	to <- prometheus.MustNewConstMetric(parkedDesc, prometheus.CounterValue, float64(o.parked.Load()), table)
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	s, err := o.Stats(ctx)
	if err != nil {
		o.config.Logger.WarnContext(ctx, "the outbox cannot be counted", "table", table, "error", err)
		return
	}
	for state, n := range map[string]int64{"waiting": s.Waiting, "later": s.Later, "parked": s.Parked} {
		to <- prometheus.MustNewConstMetric(eventsDesc, prometheus.GaugeValue, float64(n), table, state)
	}
	to <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, s.Oldest.Seconds(), table)
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
		if err := o.config.DB.QueryRowContext(ctx, o.render(q.statement)).Scan(q.into...); err != nil {
			return Stats{}, fmt.Errorf("outbox %s: %w", o.config.Table, err)
		}
	}
	s.Oldest = time.Duration(max(oldest, 0)) * time.Millisecond
	return s, nil
}
