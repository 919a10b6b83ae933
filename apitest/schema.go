package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

const maxNumber = math.MaxFloat64

// schema is the part of JSON Schema that internal/jsonschema and transport/rest use.
type schema struct {
	Ref             string             `json:"$ref"`
	AnyOf           []*schema          `json:"anyOf"`
	Type            typeNames          `json:"type"`
	Format          string             `json:"format"`
	ContentEncoding string             `json:"contentEncoding"`
	Pattern         string             `json:"pattern"`
	Enum            []any              `json:"enum"`
	Closed          bool               `json:"x-closed"`
	Minimum         *float64           `json:"minimum"`
	Maximum         *float64           `json:"maximum"`
	MinItems        *int               `json:"minItems"`
	MaxItems        *int               `json:"maxItems"`
	Items           *schema            `json:"items"`
	Values          *schema            `json:"additionalProperties"`
	Keys            *schema            `json:"propertyNames"`
	Properties      map[string]*schema `json:"properties"`
	Required        []string           `json:"required"`
	Default         json.RawMessage    `json:"default"`
	Number          int                `json:"x-number"`
	Kind            string             `json:"x-kind"`
	JSONName        string             `json:"x-json-name"`
	OneOf           string             `json:"x-oneof"`
	Presence        bool               `json:"x-presence"`
}

// typeNames is one name of a type, or a list of them.
type typeNames []string

// UnmarshalJSON reads both.
func (n *typeNames) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte("[")) {
		return json.Unmarshal(text, (*[]string)(n))
	}
	*n = make(typeNames, 1)
	return json.Unmarshal(text, &(*n)[0])
}

// schemaOf returns the schema that described is. It panics on what is no schema.
func schemaOf(described any) *schema {
	s := &schema{}
	text, err := json.Marshal(described)
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err != nil {
		panic(fmt.Sprintf("apitest: a contract describes itself by %v, which is no schema: %v", described, err))
	}
	return s
}

// shape returns the shape that the schema describes. The members of a request are optional
// unless the schema requires them, those of others the other way round.
func (s *schema) shape(ofRequest bool) *shape {
	if len(s.AnyOf) > 0 { // a reference, or null
		of := s.AnyOf[0].shape(ofRequest)
		of.Null = true
		return of
	}
	if s.Ref != "" {
		return &shape{Ref: s.Ref[strings.LastIndex(s.Ref, "/")+1:]}
	}
	names := slices.DeleteFunc(slices.Clone(s.Type), func(name string) bool { return name == "null" })
	if len(names) != 1 {
		return &shape{Type: anyForm}
	}
	of := &shape{Type: names[0], Null: len(names) < len(s.Type)}
	switch of.Type {
	case "array":
		of.Type, of.Of = listForm, element(s.Items, ofRequest)
		if s.MinItems != nil && s.MaxItems != nil && *s.MinItems == *s.MaxItems {
			of.Size = s.MinItems
		}
	case "object":
		s.object(of, ofRequest)
	case "string":
		of.Format, of.Pattern, of.Closed = s.Format, s.Pattern, s.Closed
		if s.ContentEncoding != "" {
			of.Format = s.ContentEncoding
		}
	default:
		of.Min, of.Max = s.Minimum, s.Maximum
	}
	if s.Kind != "" {
		of.Format = s.Kind
	}
	of.Enum = s.values()
	return of
}

// values returns the values of an enum, sorted; those that are no strings as JSON.
func (s *schema) values() (all []string) {
	for _, value := range s.Enum {
		if text, ok := value.(string); ok {
			all = append(all, text)
		} else if value != nil { // null is no value of the enum
			all = append(all, fmt.Sprint(value))
		}
	}
	slices.Sort(all)
	return all
}

// object describes a struct by its members. What writes itself as an object is a map of
// anything.
func (s *schema) object(of *shape, ofRequest bool) {
	if s.Properties == nil {
		of.Type, of.Of = mapForm, element(s.Values, ofRequest)
		if s.Keys != nil {
			of.Keys = s.Keys.Pattern
		}
		return
	}
	for name, property := range s.Properties {
		if of.Members == nil {
			of.Members = map[string]*member{}
		}
		required := slices.Contains(s.Required, name)
		of.Members[name] = &member{
			shape: *property.shape(ofRequest), Optional: !required && !ofRequest, Required: required && ofRequest,
			Number: property.Number, JSONName: property.JSONName, OneOf: property.OneOf, Presence: property.Presence,
		}
	}
}

func element(s *schema, ofRequest bool) *shape {
	if s == nil {
		return &shape{Type: anyForm}
	}
	return s.shape(ofRequest)
}
