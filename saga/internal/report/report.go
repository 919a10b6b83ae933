// Package report says what happens to the runs of a saga, in metrics and in logs, whichever
// engine works on them.
package report

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew/saga/internal/flow"
)

// Metrics are those of one saga, which is a constant label: a registry has each metric of a
// collector once.
type Metrics struct {
	Runs, Oldest, Overdue *prometheus.Desc
	Steps                 *prometheus.CounterVec
}

// NewMetrics returns the metrics of a saga.
func NewMetrics(saga string) Metrics {
	labels := prometheus.Labels{"saga": saga}
	desc := func(name, help string, variable ...string) *prometheus.Desc {
		return prometheus.NewDesc("sinew_saga_"+name, help, variable, labels)
	}
	return Metrics{
		Runs:    desc("runs", "Runs in the store by phase: running, undoing, parked, done, undone.", "phase"),
		Oldest:  desc("oldest_seconds", "How long the run that has not moved for the longest has not, of those that have not ended."),
		Overdue: desc("overdue_seconds", "How long the run that is due has been waiting for a worker."),
		Steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sinew_saga_steps_total", ConstLabels: labels,
			Help: "What became of the steps that this process called: done, repeated, failed, interrupted, undone, parked, and others.",
		}, []string{"step", "result"}),
	}
}

// Count counts an entry of a history.
func (m *Metrics) Count(e flow.Entry) {
	if e.Step == "" || e.What == flow.SignalRefused {
		return
	}
	m.Steps.WithLabelValues(e.Step, string(e.What)).Inc()
}

// Log logs an entry of the history of a run: at Error if somebody has to do something.
func Log(ctx context.Context, logger *slog.Logger, saga, run string, e flow.Entry) {
	level, message := slog.LevelDebug, "a run of a saga moves"
	switch e.What {
	case flow.StepParked:
		level, message = slog.LevelError, "a step of a saga has spent its attempts, and is parked: retry it, or skip it"
	case flow.StepRepeated, flow.StepInterrupted:
		level, message = slog.LevelWarn, "a step of a saga is called again"
	case flow.StepFailed:
		level, message = slog.LevelInfo, "a step of a saga has failed, and its run is undone"
	case flow.RunUndone:
		level, message = slog.LevelInfo, "a run of a saga is undone"
	case flow.SignalRefused:
		level, message = slog.LevelInfo, "a run of a saga refuses what was asked for"
	}
	logger.Log(ctx, level, message, "saga", saga, "run", run,
		"step", e.Step, "what", string(e.What), "undo", e.Undo, "attempt", e.Attempt, "error", e.Error)
}
