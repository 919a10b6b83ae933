package saga

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// scrapeTimeout limits the queries of one scrape.
const scrapeTimeout = 2 * time.Second

// Describe implements prometheus.Collector.
func (e *engine) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{e.metrics.Runs, e.metrics.Oldest, e.metrics.Overdue} {
		to <- d
	}
	e.metrics.Steps.Describe(to)
}

// Collect implements prometheus.Collector. It asks the store, for 2 s at most; if that does
// not answer, the metrics of its runs are missing.
func (e *engine) Collect(to chan<- prometheus.Metric) {
	e.metrics.Steps.Collect(to)
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	counts, err := e.store.Count(ctx, e.program.Saga)
	if err != nil {
		e.policy.Logger.WarnContext(ctx, "the runs of a saga cannot be counted", "saga", e.program.Saga, "error", err)
		return
	}
	for _, phase := range []Phase{Running, Undoing, Parked, Done, Undone} {
		to <- prometheus.MustNewConstMetric(e.metrics.Runs, prometheus.GaugeValue, float64(counts.Runs[phase]), string(phase))
	}
	to <- prometheus.MustNewConstMetric(e.metrics.Oldest, prometheus.GaugeValue, counts.Oldest.Seconds())
	to <- prometheus.MustNewConstMetric(e.metrics.Overdue, prometheus.GaugeValue, counts.Overdue.Seconds())
}
