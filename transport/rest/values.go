package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/eventstream"
	"github.com/sinew-go/sinew/internal/validation"
	"github.com/sinew-go/sinew/internal/wire"
)

// The types of the event that ends a stream: regularly, or with the problem document that
// is its data.
const (
	endType   = "end"
	errorType = "error"
)

var errorInterface = reflect.TypeFor[error]()

// isSequence reports whether t is an iter.Seq2 of values and errors.
func isSequence(t reflect.Type) bool {
	if t.Kind() != reflect.Func || t.NumIn() != 1 || t.NumOut() != 0 || t.In(0).Kind() != reflect.Func {
		return false
	}
	yield := t.In(0)
	return yield.NumIn() == 2 && yield.In(1) == errorInterface && yield.NumOut() == 1 && yield.Out(0).Kind() == reflect.Bool
}

// values are the values of a stream of one type.
type values struct {
	route string
	seq   reflect.Type // the iter.Seq2
	field []int        // of the answer that has it; nil if it is the answer
	forms mediaTypes   // of answerForms, those that an answer may have
	t     reflect.Type // of a value
	line  jsonCodec    // of a value
	data  jsonCodec    // of the data of a value that is an Event, else of the value
}

// answerForms are the media types of an answer that is a stream.
var answerForms = mediaTypes{wire.EventStream, wire.JSONLines}

// valuesOf returns the values of an iter.Seq2 of type t.
func valuesOf(p pattern, t reflect.Type) *values {
	v := &values{route: p.text, seq: t, forms: answerForms, t: t.In(0).In(0)}
	v.line = jsonCodecOf(p, v.t)
	v.data = v.line
	if e, ok := v.eventOf(reflect.New(v.t)); ok {
		_, _, _, data := e.parts()
		v.data = jsonCodecOf(p, reflect.TypeOf(data).Elem())
	}
	return v
}

// in returns the sequence in a response, a pointer to a Resp, that is bound by b. It is
// invalid if there is no Resp.
func (v *values) in(b *binding, response any) reflect.Value {
	if v.field == nil {
		return reflect.ValueOf(response).Elem()
	}
	if s := b.structOf(response); s.IsValid() {
		return s.FieldByIndex(v.field)
	}
	return reflect.Value{}
}

// eventOf returns the Event that at, a pointer to a value, points to. It makes one if the
// value is a nil pointer.
func (v *values) eventOf(at reflect.Value) (e eventOf, ok bool) {
	if v.t.Kind() == reflect.Pointer {
		if _, ok := reflect.Zero(v.t).Interface().(eventOf); !ok {
			return nil, false
		}
		if at = at.Elem(); at.IsNil() {
			at.Set(reflect.New(v.t.Elem()))
		}
	}
	e, ok = at.Interface().(eventOf)
	return e, ok
}

// appendLine appends a value as a line.
func (v *values) appendLine(to []byte, at reflect.Value) ([]byte, error) {
	text, err := v.line.encode(v.route, at.Interface())
	if after, isLike := bytes.CutPrefix(text, failurePrefix); isLike { // the same JSON, and no failure to problemInLine
		return append(append(append(to, `{"error" :`...), after...), '\n'), err
	}
	return append(append(to, text...), '\n'), err
}

// appendEvent appends a value as a server-sent event.
func (v *values) appendEvent(to []byte, at reflect.Value) ([]byte, error) {
	var event eventstream.Event
	data := at.Interface()
	if v.t.Kind() == reflect.Pointer && at.Elem().IsNil() {
		return to, fault.Internal.Errorf("%s: a value in the stream is nil", v.route)
	}
	if e, ok := v.eventOf(at); ok {
		id, kind, retry, value := e.parts()
		event.ID, event.Type, event.Retry, data = *id, *kind, *retry, value
	}
	switch {
	case event.Type == endType, event.Type == errorType:
		return to, fault.Internal.Errorf("%s: an event in the stream has the type %q, which is that of the last one",
			v.route, event.Type)
	case !event.CanBeWritten():
		return to, fault.Internal.Errorf("%s: the id or the type of an event in the stream has a line break, or the id a NUL",
			v.route)
	}
	text, err := v.data.encode(v.route, data)
	event.Data = text
	return eventstream.Append(to, event), err
}

// appendEnd appends the end of a stream: problem, a problem document, or nil for a regular
// one. Lines end regularly where the answer ends.
func appendEnd(to []byte, isLines bool, problem []byte) []byte {
	switch {
	case !isLines && problem == nil:
		return eventstream.Append(to, eventstream.Event{Type: endType, Data: []byte("{}")})
	case !isLines:
		return eventstream.Append(to, eventstream.Event{Type: errorType, Data: problem})
	case problem != nil:
		return append(append(append(to, failurePrefix...), problem...), "}\n"...)
	}
	return to
}

// failurePrefix begins a line that is a failure, and no line that is a value.
var failurePrefix = []byte(`{"error":`)

// problemInLine returns the failure that a line is, nil if it is a value.
func problemInLine(line []byte) *fault.Error {
	var members map[string]json.RawMessage
	if bytes.HasPrefix(line, failurePrefix) && json.Unmarshal(line, &members) == nil && len(members) == 1 {
		return problemIn(members["error"])
	}
	return nil
}

// problemIn returns the failure that a problem document describes, nil if text is none.
func problemIn(text []byte) *fault.Error {
	var p struct{ Status int }
	if json.Unmarshal(text, &p) == nil && p.Status >= 400 {
		return wire.Document(text, 0)
	}
	return nil
}

// readEvent sets target, a pointer to a value, from a server-sent event.
func (v *values) readEvent(e eventstream.Event, target reflect.Value) error {
	data := target.Interface()
	if event, ok := v.eventOf(target); ok {
		id, kind, retry, value := event.parts()
		*id, *kind, *retry, data = e.ID, e.Type, e.Retry, value
	}
	return v.data.read(e.Data, data)
}

// readLine sets target, a pointer to a value, from a line that a caller has sent.
func (v *values) readLine(line []byte, strict bool, number int, target reflect.Value) error {
	if err := decode(line, target.Interface(), v.line.shape, strict); err != nil {
		all := bodyFaults(validation.Faults{}, line, v.line.shape, strict, err)
		return withOwnClass(inLine(all.Err(), number), err)
	}
	return inLine(validation.Of(target.Elem().Interface()), number)
}

// inLine returns err with the line that it is about.
func inLine(err error, number int) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	at := *f
	at.Message = fmt.Sprintf("line %d: %s", number, f.Message)
	return &at
}
