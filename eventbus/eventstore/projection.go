package eventstore

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/eventtrace"
	"github.com/sinew-go/sinew/internal/tables"
)

// Projection says what the events of all streams change in tables of its own, such as a list
// of orders by user. Declare it once, as a variable; [Store.Project] runs it.
type Projection struct {
	// Name is the beginning of the names of its tables, and different for each projection of
	// a database.
	Name string
	// Version is the version of its tables and handlers, 1 when 0. Raise it when one of them
	// changes. The new version builds its tables from the first event on, beside those of
	// the version before, which are read until it has caught up.
	Version int
	// Create are the statements that create its tables, with IF NOT EXISTS: an instance that
	// dies between two of them runs them again. {table} is the projection's name with its
	// version. {bytes} and {serial} are types as the database calls them: up to 4 MiB, and
	// a primary key that counts up.
	Create []string
	// Drop are those that drop its tables, with IF EXISTS, for [Projector.Remove].
	Drop []string
	// Handlers say what each type of event changes; see [When]. Other events change nothing.
	Handlers []Handler
	// Every, if set, is called for each event of any type, after its handler.
	Every func(ctx context.Context, in Effect) error
}

// Handler says what an event of one type changes in the tables of a projection; see [When].
type Handler struct {
	topic  string
	handle func(ctx context.Context, in Effect) error
}

// When calls f for events of the topic. What f changes in in.Tx is committed with the
// projection's place in the order of events, so each event counts once. f must change
// nothing else, since a transaction that fails is repeated.
func When[T any](topic eventbus.Topic[T], f func(ctx context.Context, in Effect, e T) error) Handler {
	return Handler{topic: topic.Name, handle: func(ctx context.Context, in Effect) error {
		v, err := topic.Decode(in.Event.Event)
		if err != nil {
			return err
		}
		return f(ctx, in, v)
	}}
}

// Effect is where a projection changes something because of an event.
type Effect struct {
	// Event is the event.
	Event Event
	// Tx is the transaction of the change.
	Tx *sql.Tx

	tables *tables.Tables
}

// Exec executes a statement in Tx. {table} stands for the table of the projection, ? for an
// argument in every database, and {now} for the database's clock in milliseconds since 1970,
// which is another one after a rebuild: prefer the time of the event.
func (e Effect) Exec(ctx context.Context, statement string, args ...any) error {
	_, err := e.Update(ctx, statement, args...)
	return err
}

// Update is Exec for a statement of which one has to know how many rows it has changed: an
// UPDATE that is followed by an INSERT if there was no row. MySQL does not count rows that
// have the values already.
func (e Effect) Update(ctx context.Context, statement string, args ...any) (changed int64, err error) {
	return e.tables.Exec(ctx, e.Tx, statement, args...)
}

// Query reads in Tx. Close the rows before the next statement.
func (e Effect) Query(ctx context.Context, statement string, args ...any) (*sql.Rows, error) {
	rows, err := e.Tx.QueryContext(ctx, e.tables.Render(statement), args...)
	return rows, e.tables.Failure(err)
}

// namePattern is what a name is that needs no quotes in any database.
var namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,49}$`)

// check panics if the projection contradicts itself.
func (p Projection) check() {
	if !namePattern.MatchString(p.Name) || p.Version < 0 {
		panic(fmt.Sprintf("eventstore: the projection %q has a negative version, or a name that is not made of 1 to 50 letters, digits and underscores", p.Name))
	}
	if len(p.Handlers) == 0 && p.Every == nil {
		panic(fmt.Sprintf("eventstore: projection %s has no handler", p.Name))
	}
	for i, h := range p.Handlers {
		if h.handle == nil || slices.ContainsFunc(p.Handlers[:i], func(other Handler) bool { return other.topic == h.topic }) {
			panic(fmt.Sprintf("eventstore: projection %s: a handler is empty, or there are two of type %s", p.Name, h.topic))
		}
	}
}

// handle calls the handlers of an event, in the trace in which it was appended. A panic in one is fault.Internal.
func (p *Projector) handle(ctx context.Context, in Effect) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			p.store.config.Logger.ErrorContext(ctx, "a projection panicked", "projection", p.def.Name, "version", p.def.Version,
				"position", in.Event.Position, "type", in.Event.Type, "panic", reason, "stack", string(debug.Stack()))
			err = fault.Internal.Errorf("projection %s panicked: %v", p.def.Name, reason)
		}
	}()
	ctx = eventtrace.Extract(ctx, in.Event.Event)
	for _, h := range p.def.Handlers {
		if h.topic == in.Event.Type {
			if err := h.handle(ctx, in); err != nil {
				return err
			}
		}
	}
	if p.def.Every != nil {
		return p.def.Every(ctx, in)
	}
	return nil
}
