package user

import (
	"crypto/rand"

	"github.com/alexedwards/argon2id"
)

// Hasher turns passwords into hashes that can be kept. It is safe for concurrent
// use.
type Hasher interface {
	// Hash is a hash of the password, another one each time.
	Hash(password string) (string, error)
	// Matches says whether a hash is of this password.
	Matches(password, hash string) (bool, error)
}

// Argon2id hashes at the cost that OWASP recommends.
type Argon2id struct{}

var cost = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Hash implements [Hasher].
func (Argon2id) Hash(password string) (string, error) { return argon2id.CreateHash(password, cost) }

// Matches implements [Hasher].
func (Argon2id) Matches(password, hash string) (bool, error) {
	return argon2id.ComparePasswordAndHash(password, hash)
}

// nobodys is a hash of no password that anybody knows.
func nobodys(h Hasher) string {
	hash, _ := h.Hash(rand.Text())
	return hash
}
