package sinew

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/limit"
)

// gauges collects the states of a service's policies at each scrape, so that they are
// right without traffic too.
type gauges struct {
	service *Service

	breaker, instances, repeats                                                *prometheus.Desc
	limit, limitPhase, running, refused, wasted                                *prometheus.Desc // of clients, by the service called
	serverLimit, serverLimitPhase, serverInFlight, serverRefused, serverWasted *prometheus.Desc // of the server
	settings                                                                   *prometheus.Desc
	unheard, lag, lagAge                                                       *prometheus.Desc // of the bus, by topic
}

func newGauges(s *Service) *gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("sinew_"+name, help, labels, prometheus.Labels{"caller": s.name})
	}
	own := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("sinew_"+name, help, nil, prometheus.Labels{"service": s.name})
	}
	return &gauges{
		service:          s,
		breaker:          desc("client_breaker_state", "The breaker of calls to a service: 0 closed, 1 half-open, 2 open.", "service"),
		instances:        desc("client_instances", "Instances of a service, by whether they are ejected.", "service", "ejected"),
		repeats:          desc("client_repeats_total", "Attempts beyond the first: after a failure (repeat), beside another (hedge), or not made since the budget refused them (refused).", "service", "kind"),
		limit:            desc("client_limit", "How many attempts may be under way; 0 is no limit for now.", "service"),
		limitPhase:       desc("client_limit_phase", limitPhaseHelp(), "service"),
		running:          desc("client_in_flight", "Attempts that are under way.", "service"),
		refused:          desc("client_limit_refused_total", "Calls that the limit refused.", "service"),
		wasted:           desc("client_wasted_total", "Attempts that ended when their caller had gone.", "service"),
		serverLimit:      own("server_limit", "How many requests may be answered at once; 0 is no limit for now."),
		serverLimitPhase: own("server_limit_phase", limitPhaseHelp()),
		serverInFlight:   own("server_in_flight", "Requests that are being answered."),
		serverRefused:    own("server_limit_refused_total", "Requests that the limit refused."),
		serverWasted:     own("server_wasted_total", "Requests that were answered when their caller had gone."),
		settings:         own("settings_refused", "Whether something of the settings is refused at present, so that what was good before is in force: 0 nothing, 1 something."),
		unheard: prometheus.NewDesc("sinew_producer_unheard_events_total",
			"Events published when nobody subscribed to their topic, on a bus that keeps none for such a one: they are gone.",
			[]string{"topic"}, prometheus.Labels{"service": s.name}),
		lag: prometheus.NewDesc("sinew_consumer_lag_events", "Events that a group has not handled.",
			[]string{"topic", "group"}, prometheus.Labels{"service": s.name}),
		lagAge: prometheus.NewDesc("sinew_consumer_lag_seconds", "How long ago the oldest event was published that a group has not handled, as far as the bus knows.",
			[]string{"topic", "group"}, prometheus.Labels{"service": s.name}),
	}
}

// register registers the gauges until unregister is called. If several services of one
// name share a registry, only the first is shown.
func (g *gauges) register(r prometheus.Registerer) (unregister func()) {
	err := r.Register(g)
	if _, isRegistered := errors.AsType[prometheus.AlreadyRegisteredError](err); isRegistered {
		return func() {}
	}
	if err != nil {
		panic("sinew.New(" + g.service.name + "): Config.Metrics has other series of these names: " + err.Error())
	}
	return func() { r.Unregister(g) }
}

// Describe implements [prometheus.Collector].
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		g.breaker, g.instances, g.repeats, g.limit, g.limitPhase, g.running, g.refused, g.wasted,
		g.serverLimit, g.serverLimitPhase, g.serverInFlight, g.serverRefused, g.serverWasted, g.unheard, g.lag, g.lagAge, g.settings,
	} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	for _, c := range g.service.allClients() {
		s := c.Snapshot()
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{s.Service}, labels...)...)
		}
		gauge(g.breaker, map[breaker.State]float64{breaker.HalfOpen: 1, breaker.Open: 2}[s.Breaker.State])
		ejected := 0
		for _, i := range s.Balance.Instances {
			if i.Ejected {
				ejected++
			}
		}
		gauge(g.instances, float64(ejected), "true")
		gauge(g.instances, float64(len(s.Balance.Instances)-ejected), "false")
		for kind, n := range map[string]uint64{"repeat": s.Retry.Repeats, "hedge": s.Retry.Hedges, "refused": s.Retry.Refused} {
			out <- prometheus.MustNewConstMetric(g.repeats, prometheus.CounterValue, float64(n), s.Service, kind)
		}
		collectLimit(out, s.Limit, g.limit, g.limitPhase, g.running, g.refused, g.wasted, s.Service)
	}
	for topic, n := range g.service.unheard.snapshot() {
		out <- prometheus.MustNewConstMetric(g.unheard, prometheus.CounterValue, float64(n), topic)
	}
	g.collectLags(out)
	collectLimit(out, g.service.limiter.Snapshot(), g.serverLimit, g.serverLimitPhase, g.serverInFlight, g.serverRefused, g.serverWasted)
	if settings := g.service.config.Settings; settings != nil {
		refused := 0.0
		if settings.Err() != nil {
			refused = 1
		}
		out <- prometheus.MustNewConstMetric(g.settings, prometheus.GaugeValue, refused)
	}
}

// limitPhases are the phases of an adaptive limit, by their number in the metric.
var limitPhases = []limit.Phase{limit.Unlimited, limit.Trial, limit.Steering}

func limitPhaseHelp() string {
	var numbers []string
	for i, phase := range limitPhases {
		numbers = append(numbers, fmt.Sprintf("%d %s", i, phase))
	}
	return "What the limit does: " + strings.Join(numbers, ", ") + "."
}

// collectLimit sends the series of one adaptive limit.
func collectLimit(out chan<- prometheus.Metric, s limit.AdaptiveSnapshot, limited, phase, running, refused, wasted *prometheus.Desc, labels ...string) {
	out <- prometheus.MustNewConstMetric(limited, prometheus.GaugeValue, float64(s.Limit), labels...)
	out <- prometheus.MustNewConstMetric(phase, prometheus.GaugeValue, float64(slices.Index(limitPhases, s.Phase)), labels...)
	out <- prometheus.MustNewConstMetric(running, prometheus.GaugeValue, float64(s.InFlight), labels...)
	out <- prometheus.MustNewConstMetric(refused, prometheus.CounterValue, float64(s.Refused), labels...)
	out <- prometheus.MustNewConstMetric(wasted, prometheus.CounterValue, float64(s.Wasted), labels...)
}
