package apitest

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/internal/contracts"
	"github.com/sinew-go/sinew/internal/jsonschema"
)

// operationsOf returns what the contracts describe, sorted. A contract describes itself, or
// is a list of contracts.
func operationsOf(all []any) (operations []contracts.Operation, err error) {
	for _, c := range all {
		if operations, err = appendContract(operations, c); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(operations, func(a, b contracts.Operation) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	for i := range operations[min(1, len(operations)):] {
		if a, b := operations[i], operations[i+1]; a.Kind == b.Kind && a.Name == b.Name {
			return nil, fmt.Errorf("%s %s is there twice: give each of them once", a.Kind, a.Name)
		}
	}
	if len(operations) == 0 {
		return nil, fmt.Errorf("there is no contract to compare: give it routes, topics, methods, or lists of them")
	}
	return operations, nil
}

func appendContract(operations []contracts.Operation, c any) ([]contracts.Operation, error) {
	if described, ok := c.(contracts.Described); ok {
		return append(operations, described.Describe()), nil
	}
	list := reflect.ValueOf(c)
	if c == nil || list.Kind() != reflect.Slice && list.Kind() != reflect.Array {
		return nil, fmt.Errorf("a %T is no contract: give it routes, topics, methods, or lists of them", c)
	}
	var err error
	for i := range list.Len() {
		if operations, err = appendContract(operations, list.Index(i).Interface()); err != nil {
			return nil, err
		}
	}
	return operations, nil
}

// documentOf returns the document of the operations.
func documentOf(operations []contracts.Operation) *document {
	d := describer{jsonschema.NewCollection(), &document{
		Routes: map[string]*operation{}, Topics: map[string]*operation{}, Methods: map[string]*operation{},
		Types: map[string]*shape{},
	}}
	d.MarkClosed = true
	var all []*operation
	for _, o := range operations { // answers first, so that they have the shorter names
		described := &operation{
			Status: o.Status, Keyed: o.Keyed, Strict: o.Strict, Ordered: o.Ordered, MaxBody: o.MaxBody,
			Parameters: parametersOf(o.Parameters, true), Headers: parametersOf(o.Headers, false),
			Answer: d.value(o.Answer), Event: d.value(o.Event),
			Earlier: o.Earlier,
		}
		if o.Version > 1 {
			described.Version = o.Version
		}
		all = append(all, described)
		d.of(o.Kind)[o.Name] = described
	}
	answers := len(d.ByName)
	ofAnswers := make(map[string]bool, answers)
	for name := range d.ByName {
		ofAnswers[name] = true
	}
	d.Input = true
	for i, o := range operations {
		all[i].Request = d.value(o.Request)
	}
	for name, s := range d.ByName {
		d.Types[name] = schemaOf(s).shape(!ofAnswers[name])
	}
	return d.document
}

// describer makes a document.
type describer struct {
	*jsonschema.Collection
	*document
}

// of returns the operations of a kind.
func (d *document) of(k contracts.Kind) map[string]*operation {
	switch k {
	case contracts.Route:
		return d.Routes
	case contracts.Topic:
		return d.Topics
	}
	return d.Methods
}

func (d describer) value(v contracts.Value) *shape {
	if v.Stream {
		v.Stream = false
		return &shape{Type: streamForm, Of: d.value(v)}
	}
	switch {
	case v.Media != nil:
		return &shape{Type: bytesForm, Enum: slices.Clone(v.Media), Closed: true}
	case v.Message != nil:
		return d.message(v.Message)
	case v.Type == nil:
		return nil
	case len(v.Elsewhere) > 0:
		return schemaOf(d.Object(v.Type, v.Elsewhere)).shape(d.Input)
	}
	return schemaOf(d.Schema(v.Type)).shape(d.Input)
}

// message adds the types of a message. They are the same in requests and in answers: any
// field may be absent from both.
func (d describer) message(m *contracts.Message) *shape {
	for name, s := range m.Types {
		d.Types[name] = schemaOf(s).shape(false)
	}
	return &shape{Ref: m.Name}
}

// parametersOf returns the parameters: those of the path in its order, then the others by
// place and name.
func parametersOf(all []contracts.Parameter, ofRequest bool) (described []*parameter) {
	for _, p := range all {
		s := schemaOf(p.Schema)
		described = append(described, &parameter{
			In: p.In, Name: p.Name, shape: *s.shape(ofRequest), Required: p.Required, Default: s.Default,
		})
	}
	slices.SortStableFunc(described, func(a, b *parameter) int {
		inPath := func(p *parameter) int { return map[bool]int{true: 0, false: 1}[p.In == pathParameter] }
		if order := cmp.Compare(inPath(a), inPath(b)); order != 0 || a.In == pathParameter {
			return order
		}
		return cmp.Or(strings.Compare(a.In, b.In), strings.Compare(a.Name, b.Name))
	})
	return described
}

const pathParameter = "path"
