package temporal

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	listed "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/sinew-go/sinew/saga/internal/flow"
)

// scrapeTimeout limits the queries of one scrape.
const scrapeTimeout = 2 * time.Second

// Describe implements prometheus.Collector.
func (e *engine) Describe(to chan<- *prometheus.Desc) {
	to <- e.metrics.Runs
	e.metrics.Steps.Describe(to)
}

// Collect implements prometheus.Collector. It lists the open workflows of the saga, for 2 s
// at most; if Temporal does not answer in that time, the metrics of its runs are missing.
func (e *engine) Collect(to chan<- prometheus.Metric) {
	e.metrics.Steps.Collect(to)
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	counts, err := e.count(ctx)
	if err != nil {
		e.policy.Logger.WarnContext(ctx, "the runs of a saga cannot be counted", "saga", e.program.Saga, "error", e.failure("", err))
		return
	}
	for phase, n := range counts {
		to <- prometheus.MustNewConstMetric(e.metrics.Runs, prometheus.GaugeValue, float64(n), string(phase))
	}
}

// count counts the runs by phase. Those that have ended count until Temporal forgets them.
func (e *engine) count(ctx context.Context) (map[flow.Phase]int64, error) {
	counts := map[flow.Phase]int64{flow.Running: 0, flow.Undoing: 0, flow.Parked: 0}
	err := e.list(ctx, func(w *listed.WorkflowExecutionInfo) error {
		counts[noteOf(e.policy.DataConverter, w.GetMemo()).Phase]++
		return nil
	})
	if err != nil {
		return nil, err
	}
	for phase, status := range map[flow.Phase]string{flow.Done: "Completed", flow.Undone: "Failed"} {
		got, err := e.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: e.query("ExecutionStatus = '" + status + "'")})
		if err != nil {
			return nil, err
		}
		counts[phase] = got.GetCount()
	}
	return counts, nil
}
