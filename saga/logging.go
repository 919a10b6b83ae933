package saga

import (
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

// savePauses are those of a save that fails.
var savePauses = backoff.Policy{Min: 20 * time.Millisecond, Max: 2 * time.Second}

func (d *drive) warn(message string, err error) {
	d.policy.Logger.WarnContext(d.alive, message, "saga", d.claim.Saga, "run", d.claim.ID, "error", err)
}

// log logs an entry of which somebody should know.
func (d *drive) log(e Entry) {
	level, message := slog.LevelDebug, "a run of a saga moves"
	switch e.What {
	case flow.StepParked:
		level, message = slog.LevelError, "a step of a saga has spent its attempts, and is parked: retry it, or skip it"
	case flow.StepRepeated, flow.StepFailed, flow.StepInterrupted, flow.SignalRefused, flow.RunUndone:
		level, message = slog.LevelWarn, "a run of a saga does not go well"
	}
	d.policy.Logger.Log(d.alive, level, message, "saga", d.claim.Saga, "run", d.claim.ID,
		"step", e.Step, "what", string(e.What), "undo", e.Undo, "attempt", e.Attempt, "error", e.Error)
}
