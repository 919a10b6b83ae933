package database

import (
	"context"
	"database/sql"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/outbox"
)

// NewOutbox returns the outbox in db for events to bus, and creates its tables. A memory
// bus loses what it has accepted when its process ends: therefore the next process sends
// again what was sent in the last minute, with the same IDs.
func NewOutbox(db *sql.DB, bus eventbus.Publisher) (*outbox.Outbox, error) {
	o, err := outbox.New(outbox.Config{DB: db, Bus: bus, Resend: time.Minute})
	if err != nil {
		return nil, err
	}
	return o, o.Create(context.Background())
}
