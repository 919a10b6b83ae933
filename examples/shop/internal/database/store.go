package database

import (
	"context"
	"database/sql"
	"time"

	"github.com/sinew-go/sinew/eventbus/eventstore"
)

// NewStore returns the store of events in db, and creates its tables. A projection that one
// process runs asks every 100 ms for what others have appended.
func NewStore(db *sql.DB) (*eventstore.Store, error) {
	s, err := eventstore.New(eventstore.Config{DB: db, Poll: 100 * time.Millisecond})
	if err != nil {
		return nil, err
	}
	return s, s.Create(context.Background())
}
