package apitest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The forms that a JSON value can have.
const (
	anyForm     = "any"
	booleanForm = "boolean"
	integerForm = "integer"
	numberForm  = "number"
	stringForm  = "string"
	listForm    = "list"
	mapForm     = "map"
	objectForm  = "object"
	streamForm  = "stream" // of any number of values
	bytesForm   = "bytes"  // of a media type in Enum
)

var allForms = []string{
	anyForm, booleanForm, integerForm, numberForm, stringForm, listForm, mapForm, objectForm, streamForm, bytesForm,
}

// shape is what is known of a JSON value. It has a Type, or is a Ref.
type shape struct {
	Type string `json:"type,omitempty"`
	// Ref is the name of an entry of document.Types.
	Ref string `json:"ref,omitempty"`
	// Null says that the value may be null.
	Null bool `json:"null,omitempty"`
	// Format is that of a string, date-time or base64, or the kind of a field of a message,
	// such as sint32.
	Format string `json:"format,omitempty"`
	// Pattern is a regular expression that a string matches.
	Pattern string `json:"pattern,omitempty"`
	// Enum is all values that there may be: strings, or JSON.
	Enum []string `json:"enum,omitempty"`
	// Closed says that the Go type refuses to read a value that is not in Enum.
	Closed bool `json:"closed,omitempty"`
	// Min and Max bound a number. Integers without bounds have 64 bits.
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
	// Size is that of a list whose size is fixed.
	Size *int `json:"size,omitempty"`
	// Keys is a regular expression that the keys of a map match.
	Keys string `json:"keys,omitempty"`
	// Of is an element of a list, map or stream.
	Of *shape `json:"of,omitempty"`
	// Members are those of an object.
	Members map[string]*member `json:"members,omitempty"`
}

// member is a member of an object.
type member struct {
	shape
	// Optional says that an answer or an event may leave it out.
	Optional bool `json:"optional,omitempty"`
	// Required says that a request must have it.
	Required bool `json:"required,omitempty"`
	// Number is that of a field of a message of Protocol Buffers.
	Number int `json:"number,omitempty"`
	// JSONName is the name of such a field in JSON, if it is not the usual one.
	JSONName string `json:"json_name,omitempty"`
	// OneOf is the oneof that such a field is in.
	OneOf string `json:"oneof,omitempty"`
	// Presence says that such a field may be absent, which is not its zero value.
	Presence bool `json:"presence,omitempty"`
}

// String describes the shape in a sentence.
func (s *shape) String() string {
	text := s.Ref
	if text == "" {
		text = s.form()
	}
	if s.Null {
		text += " or null"
	}
	return text
}

func (s *shape) form() string {
	switch {
	case s.Type == listForm && s.Size != nil:
		return fmt.Sprintf("list of %d × %s", *s.Size, s.Of)
	case s.Type == listForm:
		return "list of " + s.Of.String()
	case s.Type == streamForm:
		return "stream of " + s.Of.String()
	case s.Type == mapForm && s.Keys != "":
		return fmt.Sprintf("map of %s with keys like %s", s.Of, s.Keys)
	case s.Type == mapForm:
		return "map of " + s.Of.String()
	case s.Type == bytesForm:
		return strings.Join(s.Enum, " or ")
	case len(s.Enum) > 0:
		return "one of " + strings.Join(s.Enum, ", ")
	case s.Format != "":
		return s.Type + " (" + s.Format + ")"
	case s.Pattern != "":
		return s.Type + " like " + s.Pattern
	case s.Min != nil && s.Max != nil:
		return s.Type + " from " + decimal(*s.Min) + " to " + decimal(*s.Max)
	case s.Min != nil:
		return s.Type + " of " + decimal(*s.Min) + " or more"
	case s.Max != nil:
		return s.Type + " of " + decimal(*s.Max) + " or less"
	}
	return s.Type
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// accepts reports whether all values of the form of narrow are of the form of s. It
// compares neither enums nor what is in lists, maps and objects.
func (s *shape) accepts(narrow *shape) bool {
	switch {
	case s.Type == anyForm:
		return true
	case s.Type == mapForm && narrow.Type == objectForm:
		return s.Of.Type == anyForm && s.Keys == ""
	case s.Type != narrow.Type && !(s.Type == numberForm && narrow.Type == integerForm):
		return false
	case s.Format != "" && s.Format != narrow.Format,
		s.Pattern != "" && s.Pattern != narrow.Pattern,
		s.Keys != "" && s.Keys != narrow.Keys,
		s.Size != nil && (narrow.Size == nil || *s.Size != *narrow.Size):
		return false
	}
	least, largest := s.bounds()
	from, to := narrow.bounds()
	return least <= from && to <= largest
}

// bounds returns the least and the largest value of a number.
func (s *shape) bounds() (least, largest float64) {
	const int64s = 1 << 63
	switch {
	case s.Type == integerForm && s.Min != nil: // a uint64 has no upper bound in its schema
		least, largest = -int64s, 2*int64s
	case s.Type == integerForm:
		least, largest = -int64s, int64s
	default:
		least, largest = -maxNumber, maxNumber
	}
	if s.Min != nil {
		least = *s.Min
	}
	if s.Max != nil {
		largest = *s.Max
	}
	return least, largest
}

// missingMedia returns the media types in some that no type in all is, or covers as
// "image/*" does.
func missingMedia(some, all []string) (values []string) {
	for _, one := range some {
		main, _, _ := strings.Cut(one, "/")
		if !slices.Contains(all, main+"/*") && !slices.Contains(all, "*/*") {
			values = append(values, missing([]string{one}, all)...)
		}
	}
	return values
}

// missing returns the values that are in some and not in all.
func missing(some, all []string) (values []string) {
	for _, value := range some {
		if !slices.Contains(all, value) {
			values = append(values, strconv.Quote(value))
		}
	}
	return values
}
