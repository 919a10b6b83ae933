package outbox

import (
	"context"

	"github.com/sinew-go/sinew/internal/lease"
	"github.com/sinew-go/sinew/internal/tables"
)

// Create creates the tables that do not exist. Several instances may call it at once:
//
//	outbox         events that wait, and with Config.Resend those sent lately
//	outbox_later   events that are not due: see [Outbox.At]
//	outbox_parked  events that the bus refuses: see [Outbox.Parked]
//	outbox_inbox   events that were handled: see [Outbox.IsNew]
//	outbox_lease   who sends
func (o *Outbox) Create(ctx context.Context) error {
	if err := o.tables.Create(ctx, schema); err != nil {
		return err
	}
	return o.lease.Create(ctx)
}

// schema are the tables. n is the order of the events of a table, at when one was written,
// and sent when it was sent, 0 until then.
var schema = []tables.Table{
	{Suffix: "", Columns: `n {serial}, topic VARCHAR(255) NOT NULL, event {bytes} NOT NULL, at BIGINT NOT NULL, sent BIGINT NOT NULL DEFAULT 0, UNIQUE (sent, n)`},
	{Suffix: "_later", Columns: `n {serial}, due BIGINT NOT NULL, topic VARCHAR(255) NOT NULL, event {bytes} NOT NULL, UNIQUE (due, n)`},
	{Suffix: "_parked", Columns: `n BIGINT PRIMARY KEY, topic VARCHAR(255) NOT NULL, event {bytes} NOT NULL, reason VARCHAR(2000) NOT NULL, at BIGINT NOT NULL`},
	{Suffix: "_inbox", Columns: `id VARCHAR(64) PRIMARY KEY, at BIGINT NOT NULL, UNIQUE (at, id)`},
	{Suffix: "_lease", Columns: lease.Columns},
}
