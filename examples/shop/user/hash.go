package user

import (
	"crypto/rand"

	"github.com/alexedwards/argon2id"
)

// Hasher hashes passwords for storage. It is safe for concurrent use.
type Hasher interface {
	// Hash returns a hash of the password, a different one each time.
	Hash(password string) (string, error)
	// Matches reports whether hash is a hash of this password.
	Matches(password, hash string) (bool, error)
}

// Argon2id hashes with the cost that OWASP recommends.
type Argon2id struct{}

var cost = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Hash implements [Hasher].
func (Argon2id) Hash(password string) (string, error) { return argon2id.CreateHash(password, cost) }

// Matches implements [Hasher].
func (Argon2id) Matches(password, hash string) (bool, error) {
	return argon2id.ComparePasswordAndHash(password, hash)
}

// unmatchableHash is a hash of a random password that nobody knows.
func unmatchableHash(h Hasher) string {
	hash, _ := h.Hash(rand.Text())
	return hash
}
