package outbox

import (
	"bytes"
	"database/sql"
	"testing"

	"github.com/sinew-go/sinew/eventbus"
)

func TestLargeEventsAreNotInMemoryAllAtOnce(t *testing.T) {
	o := inMemory(t)
	large := eventbus.Event{DataContentType: "text/plain", Data: bytes.Repeat([]byte("x"), 1<<20)}
	if err := o.In(o.config.DB).Publish(t.Context(), "made", large, large, large, large, large, large, large, large, large, large); err != nil {
		t.Fatal(err)
	}
	s := sender{Outbox: o}
	for range 3 {
		batch, more, err := s.waiting(t.Context())
		if err != nil || len(batch) != 8 || !more {
			t.Errorf("%d events, more: %v, %v; want 8 of the 10, and more", len(batch), more, err)
		}
	}
}

// inMemory returns an outbox on SQLite with its tables.
func inMemory(t *testing.T) *Outbox {
	t.Helper()
	db, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	o, err := New(Config{DB: db})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return o
}
