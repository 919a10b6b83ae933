package config

import (
	"encoding/base64"
	"fmt"
	"io"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/redact"
)

const redactedText = redact.Hidden

// Secret is a text that only Reveal returns. With every verb of fmt, in JSON, YAML and
// logs it is "[redacted]". The zero value is an empty secret. As a field of settings it
// is read like a string.
type Secret struct {
	// A pointer, because fmt shows the fields of an unexported field.
	text *string
}

// NewSecret returns text as a secret.
func NewSecret(text string) Secret { return Secret{&text} }

// NewSecretKey returns 32 random bytes in base64, for [MemoryPolicy].Key.
func NewSecretKey() Secret { return NewSecret(base64.StdEncoding.EncodeToString(random(32))) }

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String returns "[redacted]".
func (s Secret) String() string { return redactedText }

// Format writes "[redacted]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redactedText) }

// MarshalText returns "[redacted]". encoding/json and others use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redactedText), nil }

// UnmarshalText sets the secret to text. It refuses "[redacted]" with
// fault.InvalidArgument: that is a printed secret whose text is lost.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redactedText {
		return fault.InvalidArgument.Errorf("%s stands where a secret was; write the secret itself", redactedText)
	}
	*s = NewSecret(string(text))
	return nil
}
