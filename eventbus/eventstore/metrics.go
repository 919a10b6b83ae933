package eventstore

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// scrapeTimeout limits the queries of one scrape.
const scrapeTimeout = 2 * time.Second

// descs are the metrics of one store.
type descs struct{ position, appended, conflicts, projection, lag, delay, failing, skipped *prometheus.Desc }

// descsOf returns the metrics of a table, which is a constant label: a registry has each
// metric of a collector once.
func descsOf(table string) descs {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("sinew_"+name, help, labels, prometheus.Labels{"table": table})
	}
	which := []string{"projection", "version"}
	return descs{
		position:   desc("eventstore_position", "Position of the last event."),
		appended:   desc("eventstore_appended_total", "Events that this process has appended, those of transactions that were rolled back included."),
		conflicts:  desc("eventstore_conflicts_total", "Appends of this process that expected another version of their stream."),
		projection: desc("projection_position", "Position of the last event that the projection has handled.", which...),
		lag:        desc("projection_lag_events", "Events that the projection has not handled.", which...),
		delay:      desc("projection_lag_seconds", "How long the first event that the projection has not handled has been waiting.", which...),
		failing:    desc("projection_failing", "1 while the projection stands at an event that it cannot handle.", which...),
		skipped:    desc("projection_skipped", "Events that were skipped by hand.", which...),
	}
}

// Describe implements prometheus.Collector.
func (s *Store) Describe(to chan<- *prometheus.Desc) {
	d := s.descs
	for _, one := range []*prometheus.Desc{d.position, d.appended, d.conflicts, d.projection, d.lag, d.delay, d.failing, d.skipped} {
		to <- one
	}
}

// Collect implements prometheus.Collector. It asks the database, for 2 s at most; if that
// does not answer, the metrics of its tables are missing.
func (s *Store) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(s.descs.appended, prometheus.CounterValue, float64(s.appended.Load()))
	to <- prometheus.MustNewConstMetric(s.descs.conflicts, prometheus.CounterValue, float64(s.conflicts.Load()))
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	position, err := s.Position(ctx)
	var all []Status
	if err == nil {
		all, err = s.Projections(ctx)
	}
	if err != nil {
		s.config.Logger.WarnContext(ctx, "the projections cannot be counted", "table", s.config.Table, "error", err)
		return
	}
	to <- prometheus.MustNewConstMetric(s.descs.position, prometheus.GaugeValue, float64(position))
	for _, p := range all {
		gauge := func(desc *prometheus.Desc, value float64) {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, p.Name, strconv.Itoa(p.Version))
		}
		gauge(s.descs.projection, float64(p.Position))
		gauge(s.descs.lag, float64(p.Lag))
		gauge(s.descs.delay, p.Delay.Seconds())
		gauge(s.descs.failing, float64(min(p.Failing, 1)))
		gauge(s.descs.skipped, float64(p.Skipped))
	}
}
