package outbox

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// IsNew reports whether the event that is being handled in ctx is new for the group, and
// notes in the transaction tx that it is not any more. A handler that changes something
// only where IsNew is true, in the same transaction, changes it once, however often the
// event is delivered, and whenever the process dies. If another transaction is handling
// the event, IsNew waits for its end. Events are the same if ID and Source are; one that
// was put back from the dead letters is the same as the original.
//
// It returns fault.FailedPrecondition outside of a handler.
func (o *Outbox) IsNew(ctx context.Context, tx Execer, group string) (bool, error) {
	e, handling := eventbus.EventOf(ctx)
	if !handling {
		return false, fault.FailedPrecondition.Errorf("outbox %s: IsNew of group %s is called outside of an event's handler; pass on its context", o.config.Table, group)
	}
	id := sha256.Sum256(fmt.Appendf(nil, "%q%q%q", group, e.Source, cmp.Or(e.Extensions[eventbus.DeadID], e.ID)))
	noted, err := o.tables.Exec(ctx, tx, o.tables.IgnoringConflict(`INTO {outbox}_inbox (id, at) VALUES (?, {now})`, "id"), hex.EncodeToString(id[:]))
	return noted > 0, err
}
