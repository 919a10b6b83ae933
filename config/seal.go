package config

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/sinew-go/sinew/fault"
)

// sealer seals secrets with AES-256-GCM. Each secret is bound to its name, so that one
// cannot be put in the place of another.
type sealer struct{ aead cipher.AEAD }

// newSealer expects 32 bytes in base64.
func newSealer(key Secret) (*sealer, error) {
	raw, err := base64.StdEncoding.DecodeString(key.Reveal())
	if err != nil || len(raw) != 32 {
		return nil, fault.InvalidArgument.Errorf("the key of encrypted configurations is 32 bytes in base64, as `openssl rand -base64 32` makes them")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fault.Internal.Errorf("AES-256: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fault.Internal.Errorf("GCM: %w", err)
	}
	return &sealer{aead}, nil
}

// seal returns a fresh nonce followed by the sealed text.
func (s *sealer) seal(plain []byte, name string) []byte {
	nonce := random(s.aead.NonceSize())
	return s.aead.Seal(nonce, nonce, plain, []byte(name))
}

func (s *sealer) open(sealed []byte, name string) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, fault.DataLoss.Errorf("the sealed value is cut off")
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(name))
	if err != nil {
		return nil, fault.DataLoss.Errorf("the sealed value does not open: it was changed, or sealed with another key")
	}
	return plain, nil
}

// sealedName is the name that a sealed value is bound to.
func sealedName(c Configuration) string {
	return fmt.Sprintf("%q %q %q %d", c.Service, c.Environment, c.Key, c.Version)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails; see crypto/rand
	return b
}
