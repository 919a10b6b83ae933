package config

import (
	"encoding/base64"
	"fmt"
	"io"

	"github.com/sinew-go/sinew/fault"
)

const redacted = "[redacted]"

// Secret is a text that shows itself to nobody but who calls Reveal: with every
// verb of fmt, in JSON, YAML and logs it is "[redacted]". The zero value is an
// empty secret. As a field of settings it is read like a string.
type Secret struct {
	// A pointer, since fmt shows the fields of a field that is not exported.
	text *string
}

// NewSecret is text as a secret.
func NewSecret(text string) Secret { return Secret{&text} }

// NewSecretKey is 32 random bytes as [MemoryPolicy] wants its Key.
func NewSecretKey() Secret { return NewSecret(base64.StdEncoding.EncodeToString(random(32))) }

// Reveal is the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String is "[redacted]".
func (s Secret) String() string { return redacted }

// Format writes "[redacted]", whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText is "[redacted]"; encoding/json and others use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText makes the secret of text. "[redacted]" is refused with
// fault.InvalidArgument: it was printed once, and its secret is lost.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return fault.InvalidArgument.Errorf("%s stands where a secret was; write the secret itself", redacted)
	}
	*s = NewSecret(string(text))
	return nil
}
