package rest

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
)

var emptyInterfaceType = reflect.TypeFor[any]()

// misfit says why encoding/json does not decode a value, valid JSON text, into the type; ""
// if it does.
func (s *shape) misfit(text []byte) string {
	if s.isInteger() {
		text = wholeNumber(text)
	}
	if s.isPlain(text) {
		return ""
	}
	if s.quoted != nil {
		object := append(append([]byte(`{"v":`), text...), '}')
		return detailOf(json.Unmarshal(object, reflect.New(s.quoted).Interface()))
	}
	return detailOf(json.Unmarshal(text, reflect.New(s.t).Interface()))
}

// isPlain reports whether a value fits, as far as that can be seen without decoding it,
// which costs more. A body may have very many values that fit.
func (s *shape) isPlain(text []byte) bool {
	t := s.t
	if s.quoted != nil || decodesItself(t) || t.Kind() == reflect.Pointer || t == numberType {
		return false
	}
	switch first := text[0]; {
	case first == 'n':
		return true
	case first == '"':
		return t.Kind() == reflect.String || t == emptyInterfaceType
	case first == 't', first == 'f':
		return t.Kind() == reflect.Bool || t == emptyInterfaceType
	case isWhole(t, text):
		return true
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		_, err := strconv.ParseFloat(string(text), t.Bits())
		return err == nil
	case t == emptyInterfaceType && first != '[' && first != '{':
		_, err := strconv.ParseFloat(string(text), 64)
		return err == nil
	}
	return false
}

// isWhole reports whether text is a whole number in the range of t, a type of integers.
func isWhole(t reflect.Type, text []byte) bool {
	var err error
	switch {
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		_, err = strconv.ParseInt(string(text), 10, t.Bits())
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		_, err = strconv.ParseUint(string(text), 10, t.Bits())
	default:
		return false
	}
	return err == nil
}

// badKey says why a name is no key of the map, "" if it is one.
func (s *shape) badKey(name []byte) string {
	if s == nil || s.key == nil || !decodesItself(s.key) && isWhole(s.key, name) {
		return ""
	}
	object, err := json.Marshal(map[string]any{string(name): nil})
	if err == nil {
		err = json.Unmarshal(object, reflect.New(reflect.MapOf(s.key, emptyInterfaceType)).Interface())
	}
	return detailOf(err)
}

// detailOf says to the sender of a value why it could not be decoded.
func detailOf(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "a JSON " + shorten(e.Value) + " does not fit here"
	}
	return ellipsis.Cut(strings.TrimPrefix(messageOf(err), "json: "), maxQuotedError)
}

// messageOf returns the text of an error of a type's own decoder without the class.
func messageOf(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Message != "" {
		return e.Message
	}
	return err.Error()
}

// withOwnClass returns err, the error of a request with faults, with the class, reason and
// details that the decoder of the body has given the only one of them.
func withOwnClass(err, decoder error) error {
	all, _ := errors.AsType[*fault.Error](err)
	own, ok := errors.AsType[*fault.Error](decoder)
	if !ok || len(all.Violations) != 1 {
		return err
	}
	only := *own
	only.Message, only.Violations = all.Message, all.Violations
	return &only
}
