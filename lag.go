package sinew

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/eventbus"
)

// lagTimeout limits how long a scrape waits for the bus.
const lagTimeout = 2 * time.Second

// collectLags asks the bus what waits for the groups of the service. Without an answer their
// series are missing.
func (g *gauges) collectLags(out chan<- prometheus.Metric) {
	bus, ok := g.service.config.Bus.(eventbus.LagReporter)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lagTimeout)
	defer cancel()
	var all sync.WaitGroup
	for topic, group := range g.service.subscriptions.Groups() {
		all.Go(func() {
			lag, err := bus.Lag(ctx, topic, group)
			if err != nil {
				g.service.config.Logger.Debug("the bus does not say what waits for a group", "service", g.service.name, "topic", topic, "group", group, "error", err)
				return
			}
			out <- prometheus.MustNewConstMetric(g.lag, prometheus.GaugeValue, float64(lag.Events), topic, group)
			out <- prometheus.MustNewConstMetric(g.lagAge, prometheus.GaugeValue, lag.Oldest.Seconds(), topic, group)
		})
	}
	all.Wait()
}
