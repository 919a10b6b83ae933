package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// document is a contract as its golden file has it.
type document struct {
	Routes  map[string]*operation `json:"routes,omitempty"`
	Topics  map[string]*operation `json:"topics,omitempty"`
	Methods map[string]*operation `json:"methods,omitempty"`
	// Types are the types that have a name. A type that is in requests and in answers is
	// there twice, since a request may leave out what an answer always has.
	Types map[string]*shape `json:"types,omitempty"`
}

// operation is a route, a topic or a method.
type operation struct {
	Status     int          `json:"status,omitempty"`
	Keyed      bool         `json:"keyed,omitempty"`
	Strict     bool         `json:"strict,omitempty"`
	Ordered    bool         `json:"ordered,omitempty"`
	MaxBody    int64        `json:"max_body,omitempty"`
	Parameters []*parameter `json:"parameters,omitempty"`
	Request    *shape       `json:"request,omitempty"`
	Headers    []*parameter `json:"headers,omitempty"` // of the answer
	Answer     *shape       `json:"answer,omitempty"`
	Event      *shape       `json:"event,omitempty"`
	Version    int          `json:"version,omitempty"` // of the event, if not 1
	Earlier    []int        `json:"earlier,omitempty"` // the versions that are read as well
}

// parameter is a named value beside a body.
type parameter struct {
	In   string `json:"in,omitempty"`
	Name string `json:"name"`
	shape
	Required bool            `json:"required,omitempty"`
	Default  json.RawMessage `json:"default,omitempty"`
}

// text returns the document as its file has it.
func (d *document) text() []byte {
	var flat bytes.Buffer
	encode(&flat, d)
	return layout(flat.Bytes())
}

// parse reads a document, and refuses what text does not write.
func parse(text []byte) (*document, error) {
	d := &document{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(d); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF { //nolint:errorlint // as Decoder documents it
		return nil, errors.New("there is more after the contract")
	}
	if err := d.validate(); err != nil {
		return nil, err
	}
	return d, nil
}

// validate finds what a comparison relies on.
func (d *document) validate() error {
	for _, all := range []map[string]*operation{d.Routes, d.Topics, d.Methods} {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if all[name] == nil {
				return fmt.Errorf("%s is null", name)
			}
			if err := d.validateOperation(all[name]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Types)) {
		if d.Types[name] == nil {
			return fmt.Errorf("type %s is null", name)
		}
		if err := d.validateShape(d.Types[name]); err != nil {
			return fmt.Errorf("type %s: %w", name, err)
		}
	}
	return nil
}

func (d *document) validateOperation(o *operation) error {
	for _, p := range slices.Concat(o.Parameters, o.Headers) {
		if p == nil {
			return errors.New("a parameter is null")
		}
		if err := d.validateShape(&p.shape); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	for _, s := range []*shape{o.Request, o.Answer, o.Event} {
		if s == nil {
			continue
		}
		if err := d.validateShape(s); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) validateShape(s *shape) error {
	switch {
	case s.Ref != "" && d.Types[s.Ref] == nil:
		return fmt.Errorf("there is no type %q", s.Ref)
	case s.Ref != "":
		return nil
	case !slices.Contains(allForms, s.Type):
		return fmt.Errorf("%q is no type of a JSON value", s.Type)
	case (s.Type == listForm || s.Type == mapForm || s.Type == streamForm) && s.Of == nil:
		return fmt.Errorf("the %s has no \"of\"", s.Type)
	case s.Of != nil:
		return d.validateShape(s.Of)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Members)) {
		if s.Members[name] == nil {
			return fmt.Errorf("member %s is null", name)
		}
		if err := d.validateShape(&s.Members[name].shape); err != nil {
			return fmt.Errorf("member %s: %w", name, err)
		}
	}
	return nil
}

// resolve follows the references of a shape. null says that the value may be null.
func (d *document) resolve(s *shape) (resolved *shape, null bool) {
	for range len(d.Types) + 1 {
		null = null || s.Null
		if s.Ref == "" {
			return s, null || s.Type == anyForm
		}
		s = d.Types[s.Ref]
	}
	return &shape{Type: anyForm}, true // a type that is nothing but itself
}
