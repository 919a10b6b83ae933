package database

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"

	"github.com/sinew-go/sinew/endpoint"
)

// Answers is where a service remembers the answers of its keyed routes: its
// Config.Idempotency.
type Answers struct{ Store endpoint.IdempotencyStore }

// Keep writes the answer of a handler in its own transaction, so that when the
// process dies there are both or neither. A store that is not in the database keeps
// the answer when the handler is done.
func (a Answers) Keep(ctx context.Context, tx *sql.Tx, answer any) error {
	if keys, ok := a.Store.(endpoint.SQLStore); ok {
		return endpoint.Keep(ctx, keys.In(tx), answer)
	}
	return nil
}

// Request names the keyed request that the handler of ctx answers: the same for
// every repeat by the same caller, and "" where there is no key. By it a repeat
// finds what a process has begun that died.
func Request(ctx context.Context, request any) string {
	c := endpoint.CallOf(ctx)
	if c == nil || c.IdempotencyKey == "" {
		return ""
	}
	text, err := json.Marshal([]any{c.Subject, c.Name, c.IdempotencyKey, request})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
