package saga

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/saga/internal/flow"
)

// scrapeTimeout limits the queries of one scrape.
const scrapeTimeout = 2 * time.Second

// metrics are those of one saga, which is a constant label: a registry has each metric of a
// collector once.
type metrics struct {
	runs, oldest, overdue *prometheus.Desc
	steps                 *prometheus.CounterVec
}

func newMetrics(saga string) metrics {
	labels := prometheus.Labels{"saga": saga}
	desc := func(name, help string, variable ...string) *prometheus.Desc {
		return prometheus.NewDesc("sinew_saga_"+name, help, variable, labels)
	}
	return metrics{
		runs:    desc("runs", "Runs in the store by phase: running, undoing, parked, done, undone.", "phase"),
		oldest:  desc("oldest_seconds", "How long the run that has not moved for the longest has not, of those that have not ended."),
		overdue: desc("overdue_seconds", "How long the run that is due has been waiting for a worker."),
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sinew_saga_steps_total", ConstLabels: labels,
			Help: "What became of the steps that this process called: done, repeated, failed, interrupted, undone, parked, and others.",
		}, []string{"step", "result"}),
	}
}

// count counts an entry of a history.
func (m *metrics) count(e Entry) {
	if e.Step == "" || e.What == flow.SignalRefused {
		return
	}
	m.steps.WithLabelValues(e.Step, string(e.What)).Inc()
}

// Describe implements prometheus.Collector.
func (e *engine) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{e.metrics.runs, e.metrics.oldest, e.metrics.overdue} {
		to <- d
	}
	e.metrics.steps.Describe(to)
}

// Collect implements prometheus.Collector. It asks the store, for 2 s at most; if that does
// not answer, the metrics of its runs are missing.
func (e *engine) Collect(to chan<- prometheus.Metric) {
	e.metrics.steps.Collect(to)
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	counts, err := e.store.Count(ctx, e.program.Saga)
	if err != nil {
		e.policy.Logger.WarnContext(ctx, "the runs of a saga cannot be counted", "saga", e.program.Saga, "error", err)
		return
	}
	for _, phase := range []Phase{Running, Undoing, Parked, Done, Undone} {
		to <- prometheus.MustNewConstMetric(e.metrics.runs, prometheus.GaugeValue, float64(counts.Runs[phase]), string(phase))
	}
	to <- prometheus.MustNewConstMetric(e.metrics.oldest, prometheus.GaugeValue, counts.Oldest.Seconds())
	to <- prometheus.MustNewConstMetric(e.metrics.overdue, prometheus.GaugeValue, counts.Overdue.Seconds())
}
