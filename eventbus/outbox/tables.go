package outbox

import (
	"context"
	"database/sql"
	"fmt"

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
	if err != nil {
		return err
	}
	_, err = o.exec(ctx, o.config.DB, o.ignoringConflict(`INTO {outbox}_lease (n, holder, expires_at) VALUES (1, '', 0)`, "n"))
	return err
}

// tables are the tables. n is the order of the events of a table, at when one was written,
// and sent when it was sent, 0 until then. The indexes are constraints, since PostgreSQL
// creates no index, not even one that exists, while a transaction that has written is open.
var tables = []struct{ suffix, columns string }{
	{"", `n {serial}, topic VARCHAR(255) NOT NULL, event {bytes} NOT NULL, at BIGINT NOT NULL, sent BIGINT NOT NULL DEFAULT 0, UNIQUE (sent, n)`},
	{"_later", `n {serial}, due BIGINT NOT NULL, topic VARCHAR(255) NOT NULL, event {bytes} NOT NULL, UNIQUE (due, n)`},
	{"_parked", `n BIGINT PRIMARY KEY, topic VARCHAR(255) NOT NULL, event {bytes} NOT NULL, reason VARCHAR(2000) NOT NULL, at BIGINT NOT NULL`},
	{"_inbox", `id VARCHAR(64) PRIMARY KEY, at BIGINT NOT NULL, UNIQUE (at, id)`},
	{"_lease", `n BIGINT PRIMARY KEY, holder VARCHAR(26) NOT NULL, expires_at BIGINT NOT NULL`},
}

// createLock is the number of PostgreSQL's lock for the creation of tables, which fails if
// two create the same one at once.
const createLock = 0x73696e6577

func (o *Outbox) create(ctx context.Context) error {
	if o.dialect != dialect.PostgreSQL {
		return o.createIn(ctx, o.config.DB)
	}
	return o.within(ctx, func(tx *sql.Tx) error {
		if _, err := o.exec(ctx, tx, fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, createLock)); err != nil {
			return err
		}
		return o.createIn(ctx, tx)
	})
}

func (o *Outbox) createIn(ctx context.Context, in Execer) error {
	options := ""
	if o.dialect == dialect.MySQL { // whose default may have few characters, and ignores upper and lower case
		options = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
	}
	for _, t := range tables {
		if _, err := o.exec(ctx, in, `CREATE TABLE IF NOT EXISTS {outbox}`+t.suffix+` (`+t.columns+`)`+options); err != nil {
			return err
		}
	}
	return nil
}

// ignoringConflict returns an insert that does nothing if the row's key exists.
func (o *Outbox) ignoringConflict(insert, key string) string {
	if o.dialect == dialect.MySQL {
		return `INSERT IGNORE ` + insert
	}
	return `INSERT ` + insert + ` ON CONFLICT (` + key + `) DO NOTHING`
}
