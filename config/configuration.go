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

// Configuration is one value under a service, an environment and a key. Its JSON has
// the names of the tags below.
type Configuration struct {
	// ID is set by the store and stays when the value changes.
	ID string `json:"id"`
	// Service is whose it is.
	Service string `json:"service"`
	// Environment is where it holds, such as "prod"; empty is everywhere, for
	// [FromStore] beneath those that name one.
	Environment string `json:"environment"`
	// Key is the path of a setting: "http.port".
	Key string `json:"key"`
	// Value fits Type. As a store gives it a number is a json.Number, and the
	// value of an encrypted configuration is a [Secret], its text that of the
	// string or the value's JSON. A store accepts plain values and Secrets.
	Value any `json:"value"`
	// Type says what Value is; empty when it is set says that Value's own type decides.
	Type Type `json:"type"`
	// Encrypted keeps Value sealed in the store and out of print, JSON and logs.
	Encrypted bool `json:"encrypted"`
	// Version counts the writes under this name, from 1.
	Version int `json:"version"`
	// CreatedAt is when the store first took it.
	CreatedAt time.Time `json:"created_at"`
	// UpdatedAt is when the store took this version.
	UpdatedAt time.Time `json:"updated_at"`
}

// Type says what the value of a [Configuration] is.
type Type string

// The types of values.
const (
	String  Type = "string"
	Number  Type = "number"
	Boolean Type = "boolean"
	JSON    Type = "json" // any JSON value, as such or as its text
	YAML    Type = "yaml" // the text of a YAML document that is an object
)

var segments = regexp.MustCompile(`^[^.\s]+(\.[^.\s]+)*$`)

// Validate reports, all together, what a store would refuse: no service, a key
// that is no path, a type that does not exist or does not fit the value. The
// error is fault.InvalidArgument and shows no value.
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
	if _, _, err := c.plain(); err != nil {
		flaws = append(flaws, err)
	}
	if len(flaws) > 0 {
		return fault.InvalidArgument.Errorf("configuration %s of %s: %w", c.Key, place(c.Service, c.Environment), errors.Join(flaws...))
	}
	return nil
}

// plain is the value's JSON, and its type.
func (c Configuration) plain() ([]byte, Type, error) {
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
	if bytes.Contains(data, []byte(`"`+redacted+`"`)) {
		return nil, "", fmt.Errorf("value: %s stands where a secret was; write the secret itself", redacted)
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
		_, err := parse([]byte(text), yamlParser{})
		fits = isText && err == nil
	default:
		return nil, "", fmt.Errorf("type %q does not exist; there are string, number, boolean, json, yaml", t)
	}
	if !fits {
		return nil, "", fmt.Errorf("value: it is no %s", t)
	}
	return data, t, nil
}

// typeOf is what a JSON value is by itself.
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

// withPlain is c with the value that plain gave, as stores give it.
func (c Configuration) withPlain(data []byte) (Configuration, error) {
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
	data, _ := json.Marshal(value) // it was JSON before
	return NewSecret(string(data))
}

// bare is a Configuration without methods.
type bare Configuration

func (c Configuration) redact() bare {
	if c.Encrypted {
		c.Value = redacted
	}
	return bare(c)
}

// MarshalJSON writes "[redacted]" for an encrypted value.
func (c Configuration) MarshalJSON() ([]byte, error) { return json.Marshal(c.redact()) }

// UnmarshalJSON reads what MarshalJSON writes. The value of an encrypted one becomes a
// [Secret].
func (c *Configuration) UnmarshalJSON(data []byte) error {
	if _, err := parseJSON(data); err != nil {
		return err
	}
	var read bare
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&read); err != nil {
		return err
	}
	if read.Encrypted && read.Value != nil {
		read.Value = secretOf(read.Value)
	}
	*c = Configuration(read)
	return nil
}

// String is the name, version and value, with "[redacted]" for an encrypted one.
func (c Configuration) String() string {
	return fmt.Sprintf("%s %s=%v (version %d)", place(c.Service, c.Environment), c.Key, c.redact().Value, c.Version)
}

// Format writes String, whatever the verb: an encrypted value shows with none.
func (c Configuration) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }
