package configtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

const password = "correct-horse-7391"

func secrets() []rule {
	return []rule{
		{
			Name: "SecretsAreHidden", Unless: noSecrets, Check: secretsAreHidden,
			Sentence: "the value of an encrypted configuration is in no print, no JSON and no error, and Reveal gives it",
		},
		{
			Name: "SecretsHaveTypes", Unless: noSecrets, Check: secretsHaveTypes,
			Sentence: "an encrypted number or object is revealed as its JSON, and can be written back as it came",
		},
		{
			Name: "RedactionIsNoSecret", Unless: noSecrets, Check: redactionIsNoSecret,
			Sentence: "what was printed in the place of a secret is not taken for one, nor is a Secret stored open",
		},
		{
			Name: "NoKeyNoSecret", Unless: acceptsSecrets, Check: noKeyNoSecret,
			Sentence: "a store without a key refuses encrypted configurations with fault.FailedPrecondition",
		},
	}
}

func (s *subject) secret(key string, value any) config.Configuration {
	c := s.configuration(key, value)
	c.Encrypted = true
	return c
}

func secretsAreHidden(s *subject) {
	given := s.secret("db.password", password)
	stored := s.set(given)
	listed, err := s.store.List(s.ctx, s.service, "prod")
	if err != nil || len(listed) != 1 {
		s.Fatalf("List gave %d, %v", len(listed), err)
	}
	for _, c := range []config.Configuration{given, stored, s.get("db.password"), listed[0]} {
		document, err := json.Marshal(c)
		if err != nil {
			s.Error(err)
		}
		for _, shown := range []string{string(document), fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%s", c), fmt.Sprintf("%d", c)} {
			if strings.Contains(shown, password) {
				s.Errorf("it shows in %s", shown)
			}
		}
	}
	for _, c := range []config.Configuration{stored, s.get("db.password"), listed[0]} {
		if secret, ok := c.Value.(config.Secret); !ok || secret.Reveal() != password || fmt.Sprintf("%v %+v %#v %x", secret, secret, secret, secret) != strings.TrimSpace(strings.Repeat("[redacted] ", 4)) {
			s.Errorf("the value is %v, a %T", c.Value, c.Value)
		}
	}
	misfit := s.secret("x", password)
	misfit.Type = config.Number
	if _, err := s.store.Set(s.ctx, misfit); err == nil || strings.Contains(err.Error(), password) {
		s.Errorf("as a number: %v", err)
	}
}

func secretsHaveTypes(s *subject) {
	for _, tt := range []struct {
		key   string
		value any
	}{
		{key: "pin", value: 1234},
		{key: "keys", value: map[string]any{"a": "b"}},
		{key: "text", value: "1234"},
		{key: "on", value: true},
	} {
		c := s.set(s.secret(tt.key, tt.value))
		want, _ := json.Marshal(tt.value)
		if text, ok := tt.value.(string); ok {
			want = []byte(text)
		}
		if secret, ok := c.Value.(config.Secret); !ok || secret.Reveal() != string(want) {
			s.Errorf("%s is not revealed as %s", tt.key, want)
		}
		again := s.set(c)
		if secret, ok := again.Value.(config.Secret); !ok || again.Type != c.Type || secret.Reveal() != string(want) {
			s.Errorf("%s written back is a %s, and not revealed as %s", tt.key, again.Type, want)
		}
	}
}

func redactionIsNoSecret(s *subject) {
	c := s.set(s.secret("db.password", password))
	document, _ := json.Marshal(c)
	var back config.Configuration
	if err := json.Unmarshal(document, &back); err != nil {
		s.Fatal(err)
	}
	if _, err := s.store.Set(s.ctx, back); !errors.Is(err, fault.InvalidArgument) {
		s.Errorf("its own document: %v", err)
	}
	c.Encrypted = false
	if _, err := s.store.Set(s.ctx, c); !errors.Is(err, fault.InvalidArgument) {
		s.Errorf("a Secret that is not to be encrypted: %v", err)
	}
	if secret, ok := s.get("db.password").Value.(config.Secret); !ok || secret.Reveal() != password {
		s.Error("the secret is lost")
	}
}

func noKeyNoSecret(s *subject) {
	c := s.configuration("db.password", password)
	c.Encrypted = true
	_, err := s.store.Set(s.ctx, c)
	if !errors.Is(err, fault.FailedPrecondition) || strings.Contains(err.Error(), password) {
		s.Errorf("it gave %v", err)
	}
}
