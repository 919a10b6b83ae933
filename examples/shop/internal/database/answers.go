package database

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/idempotency"
)

// Answers stores the answers of a service's keyed routes: its Config.Idempotency.
type Answers struct{ Store idempotency.Store }

// Save writes the answer of a handler in the handler's own transaction, so that after a
// crash there are both or neither. A store outside the database saves the answer when the
// handler returns.
func (a Answers) Save(ctx context.Context, tx *sql.Tx, answer any) error {
	if keys, ok := a.Store.(idempotency.SQL); ok {
		return idempotency.SaveAnswer(ctx, keys.In(tx), answer)
	}
	return nil
}

// Request identifies the keyed request that the handler of ctx answers. It is the same
// for every repeat by the same caller, and "" without a key. With it a repeat finds what
// a process started before it crashed.
func Request(ctx context.Context, request any) string {
	c := call.Of(ctx)
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
