package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/sinew-go/sinew/fault"
)

// Configuration is one value, identified by service, environment and key. The json tags
// of the fields name the members of its JSON.
type Configuration struct {
	// ID is assigned by the store. It stays the same when the value changes.
	ID string `json:"id"`
	// Service is the service that the value is for.
	Service string `json:"service"`
	// Environment is where the value applies, such as "prod". An empty Environment
	// applies everywhere; in [FromStore] a configuration for a named environment
	// overrides it.
	Environment string `json:"environment"`
	// Key is the path of a setting: "http.port".
	Key string `json:"key"`
	// Value must match Type. A store returns a number as a json.Number, and the value of
	// an encrypted configuration as a [Secret] with the text of a string, or else the
	// JSON of the value. A store accepts plain values and Secrets.
	Value any `json:"value"`
	// Type is the type of Value. If it is empty in a call of Set, the store derives it
	// from Value.
	Type Type `json:"type"`
	// Encrypted seals Value in the store, and hides it in print, JSON and logs.
	Encrypted bool `json:"encrypted"`
	// Version counts the writes to this service, environment and key, from 1.
	Version int `json:"version"`
	// CreatedAt is the time of the first version.
	CreatedAt time.Time `json:"created_at"`
	// UpdatedAt is the time of this version.
	UpdatedAt time.Time `json:"updated_at"`
}

// Type is the type of the value of a [Configuration].
type Type string

// The types of values.
const (
	String  Type = "string"
	Number  Type = "number"
	Boolean Type = "boolean"
	JSON    Type = "json" // any JSON value, as such or as text
	YAML    Type = "yaml" // the text of a YAML document that is an object
)

var segments = regexp.MustCompile(`^[^.\s]+(\.[^.\s]+)*$`)

// Validate reports all reasons why a store would refuse c: no service, a key that is no
// path, a version below 0, a type that does not exist or does not match the value, a
// value that has no JSON form, or a [Secret] that is not Encrypted. The error is
// fault.InvalidArgument and shows no value.
func (c Configuration) Validate() error {
	var flaws []error
	if c.Service == "" {
		flaws = append(flaws, errors.New("service is empty"))
	}
	if !segments.MatchString(c.Key) {
		flaws = append(flaws, fmt.Errorf(`key %q is no path such as "http.port"`, c.Key))
	}
	if c.Version < 0 {
		flaws = append(flaws, fmt.Errorf("version %d is below 0", c.Version))
	}
	if _, _, err := c.valueJSON(); err != nil {
		flaws = append(flaws, err)
	}
	if len(flaws) > 0 {
		return fault.InvalidArgument.Errorf("configuration %s of %s: %w", c.Key, place(c.Service, c.Environment), errors.Join(flaws...))
	}
	return nil
}

// valueJSON returns the value as JSON, and its type.
func (c Configuration) valueJSON() ([]byte, Type, error) {
	value := c.Value
	if secret, ok := value.(Secret); ok {
		if !c.Encrypted {
			return nil, "", errors.New("value: a Secret is stored encrypted only; set Encrypted, or reveal it")
		}
		value = secret.Reveal()
		if tree, err := parseJSON([]byte(secret.Reveal())); err == nil && c.Type != String && c.Type != YAML && c.Type != "" {
			value = tree
		}
	}
	data, err := json.Marshal(value)
	if text, ok := value.(string); err != nil || ok && !utf8.ValidString(text) {
		return nil, "", errors.New("value: it cannot be written as JSON")
	}
	if _, err := parseJSON(data); err != nil {
		return nil, "", errors.New("value: an object in it has a key twice, or it is nested too deep")
	}
	if bytes.Contains(data, []byte(`"`+redactedText+`"`)) {
		return nil, "", fmt.Errorf("value: %s stands where a secret was; write the secret itself", redactedText)
	}
	natural := typeOf(data)
	t := c.Type
	if t == "" {
		t = natural
	}
	fits := t == natural
	switch t {
	case String, Number, Boolean:
	case JSON:
		fits = true
		if text, isText := value.(string); isText && isJSON(text) {
			if _, err := parseJSON([]byte(text)); err != nil {
				return nil, "", errors.New("value: an object in it has a key twice, or it is nested too deep")
			}
		}
	case YAML:
		text, isText := value.(string)
		_, err := parse([]byte(text), parseYAML)
		fits = isText && err == nil
	default:
		return nil, "", fmt.Errorf("type %q does not exist; there are string, number, boolean, json, yaml", t)
	}
	if !fits {
		return nil, "", fmt.Errorf("value: it is no %s", t)
	}
	return data, t, nil
}

// typeOf returns the type of a JSON value.
func typeOf(data []byte) Type {
	switch c := data[0]; {
	case c == '"':
		return String
	case c == 't', c == 'f':
		return Boolean
	case c == '-', '0' <= c && c <= '9':
		return Number
	}
	return JSON
}

// withValueJSON returns c with the value that valueJSON encoded, in the form in which
// stores return it.
func (c Configuration) withValueJSON(data []byte) (Configuration, error) {
	value, err := parseJSON(data)
	if err != nil {
		return c, fault.DataLoss.Errorf("configuration %s of %s: what is stored is no JSON", c.Key, place(c.Service, c.Environment))
	}
	c.Value = value
	if c.Encrypted {
		c.Value = secretOf(value)
	}
	return c, nil
}

func secretOf(value any) Secret {
	if text, ok := value.(string); ok {
		return NewSecret(text)
	}
	data, _ := json.Marshal(value) // it was decoded from JSON
	return NewSecret(string(data))
}

// methodless is a Configuration without methods, so that encoding/json sees its fields.
type methodless Configuration

func (c Configuration) redacted() methodless {
	if c.Encrypted {
		c.Value = redactedText
	}
	return methodless(c)
}

// MarshalJSON writes "[redacted]" for an encrypted value.
func (c Configuration) MarshalJSON() ([]byte, error) { return json.Marshal(c.redacted()) }

// UnmarshalJSON reads what MarshalJSON writes. An encrypted value becomes a [Secret].
func (c *Configuration) UnmarshalJSON(data []byte) error {
	if _, err := parseJSON(data); err != nil {
		return err
	}
	var parsed methodless
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&parsed); err != nil {
		return err
	}
	if parsed.Encrypted && parsed.Value != nil {
		parsed.Value = secretOf(parsed.Value)
	}
	*c = Configuration(parsed)
	return nil
}

// String returns the name, version and value; an encrypted value is "[redacted]".
func (c Configuration) String() string {
	return fmt.Sprintf("%s %s=%v (version %d)", place(c.Service, c.Environment), c.Key, c.redacted().Value, c.Version)
}

// Format writes String for every verb, so that none shows an encrypted value.
func (c Configuration) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }
