package temporal

import (
	"time"

	common "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/sinew-go/sinew/saga/internal/flow"
)

// memoKey is the key of the memo that Temporal lists with a workflow.
const memoKey = "saga"

// note is what the memo of a workflow says. A run writes it when it changes: hardly ever
// while its steps go well.
type note struct {
	Phase flow.Phase `json:"phase"`
	// Due is when a timer moves the run, if that is long after the note.
	Due time.Time `json:"due,omitzero"`
}

// shortWait is how far a timer is off that is not noted.
const shortWait = time.Minute

// note changes the memo, if there is something new.
func (i *interpreter) note(ctx workflow.Context, todo flow.Todo) {
	next := note{Phase: i.run.Phase()}
	if len(i.calls) == 0 && todo.Wake.Sub(workflow.Now(ctx)) > shortWait {
		next.Due = todo.Wake
	}
	before := i.noted
	if before == (note{}) {
		before.Phase = flow.Running
	}
	if next.Phase == before.Phase && next.Due.Equal(before.Due) {
		return
	}
	i.noted = next
	if err := workflow.UpsertMemo(ctx, map[string]any{memoKey: next}); err != nil {
		workflow.GetLogger(ctx).Warn("the memo of a saga cannot be written", "error", err)
	}
}

// noteOf reads a memo.
func noteOf(c converter.DataConverter, memo *common.Memo) note {
	n := note{Phase: flow.Running}
	if payload := memo.GetFields()[memoKey]; payload != nil {
		if err := c.FromPayload(payload, &n); err != nil { // which encoding it has depends on the client
			_ = converter.GetDefaultDataConverter().FromPayload(payload, &n)
		}
	}
	return n
}
