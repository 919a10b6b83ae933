package outbox

import (
	"context"

	"github.com/sinew-go/sinew/internal/dialect"
)

// Create creates the tables that do not exist. Several instances may call it at once:
//
//	outbox         events that wait, and with Config.Resend those sent lately
//	outbox_later   events that are not due: see [Outbox.At]
//	outbox_parked  events that the bus refuses: see [Outbox.Parked]
//	outbox_inbox   events that were handled: see [Outbox.IsNew]
//	outbox_lease   who sends
func (o *Outbox) Create(ctx context.Context) error {
	err := o.create(ctx)
	if err != nil { // PostgreSQL fails if two create the same table at once
		err = o.create(ctx)
	}
	return err
}

// tables are the tables, each with its index. n is the order of the events of a table, at
// when one was written, and sent when it was sent, 0 until then.
var tables = []struct{ suffix, columns, index string }{
	{"", `n {serial}, topic VARCHAR(255) NOT NULL, event {bytes} NOT NULL, at BIGINT NOT NULL, sent BIGINT NOT NULL DEFAULT 0`, "sent, n"},
	{"_later", `n {serial}, due BIGINT NOT NULL, topic VARCHAR(255) NOT NULL, event {bytes} NOT NULL`, "due, n"},
	{"_parked", `n BIGINT PRIMARY KEY, topic VARCHAR(255) NOT NULL, event {bytes} NOT NULL, reason VARCHAR(2000) NOT NULL, at BIGINT NOT NULL`, "at"},
	{"_inbox", `id VARCHAR(64) PRIMARY KEY, at BIGINT NOT NULL`, "at"},
	{"_lease", `n BIGINT PRIMARY KEY, holder VARCHAR(26) NOT NULL, expires_at BIGINT NOT NULL`, "expires_at"},
}

func (o *Outbox) create(ctx context.Context) error {
	for _, t := range tables {
		columns := t.columns
		if o.dialect == dialect.MySQL {
			columns += ", INDEX (" + t.index + ")"
		}
		if _, err := o.exec(ctx, o.config.DB, `CREATE TABLE IF NOT EXISTS {outbox}`+t.suffix+` (`+columns+`)`); err != nil {
			return err
		}
		if o.dialect == dialect.MySQL {
			continue
		}
		if _, err := o.exec(ctx, o.config.DB, o.dialect.Index(o.config.Table+t.suffix, "_index", t.index)); err != nil {
			return err
		}
	}
	_, err := o.exec(ctx, o.config.DB, o.ignoringConflict(`INTO {outbox}_lease (n, holder, expires_at) VALUES (1, '', 0)`, "n"))
	return err
}

// ignoringConflict returns an insert that does nothing if the row's key exists.
func (o *Outbox) ignoringConflict(insert, key string) string {
	if o.dialect == dialect.MySQL {
		return `INSERT IGNORE ` + insert
	}
	return `INSERT ` + insert + ` ON CONFLICT (` + key + `) DO NOTHING`
}
