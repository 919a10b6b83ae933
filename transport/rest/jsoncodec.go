package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
	"github.com/sinew-go/sinew/internal/validation"
)

var errNullAnswer = errors.New("it is null, which is no answer")

// jsonCodec writes JSON of a type for an answer, and reads what a callee has written.
type jsonCodec struct {
	t     reflect.Type // nil for a codec of nothing
	shape *shape       // for reading
	plain *plainPlan   // for reading what is plain
	fill  *fillPlan    // for writing
}

func jsonCodecOf(p pattern, t reflect.Type) jsonCodec {
	s := shapeOf(t, map[reflect.Type]*shape{})
	return jsonCodec{t, s, plainPlanOf(t, s), p.fillPlanOf(t)}
}

// encode returns the JSON text of what at points to.
func (c jsonCodec) encode(route string, at any) ([]byte, error) {
	text, err := json.Marshal(at)
	if err != nil {
		return nil, fault.Internal.Errorf("a value in the stream of %s has no JSON form: %w", route, err)
	}
	text = c.fill.fill(text)
	if c.isNull(text) {
		return nil, fault.Internal.Errorf("%s: a value in the stream is nil", route)
	}
	return text, nil
}

// isNull reports whether text is null where null is not a value. For a list or a map, null
// is an empty one.
func (c jsonCodec) isNull(text []byte) bool {
	if string(bytes.TrimSpace(text)) != "null" || decodesItself(c.t) {
		return false
	}
	switch c.t.Kind() {
	case reflect.Interface, reflect.Slice, reflect.Map:
		return false
	}
	return true
}

// read sets target, a pointer to a zero value, from JSON text.
func (c jsonCodec) read(text []byte, target any) error {
	if c.plain.read(text, target, false) {
		return nil
	}
	return c.readBy(json.Unmarshal, text, target)
}

// readBy sets target, a pointer, from JSON text, by unmarshal.
func (c jsonCodec) readBy(unmarshal func([]byte, any) error, text []byte, target any) (err error) {
	if inspect(text, c.shape, false, maxAnswerNesting) != nil && json.Valid(text) {
		var all validation.Faults
		collectFaults(&all, text, c.shape, false, maxAnswerNesting)
		err = errors.New(all.String())
	} else {
		err = unmarshal(text, target)
	}
	if err == nil && c.isNull(text) {
		err = errNullAnswer
	}
	return cutError(err)
}

// cutError returns err, which may be nil or quote what cannot be read, with a bounded text.
func cutError(err error) error {
	if err == nil || len(err.Error()) <= maxQuotedError {
		return err
	}
	return errors.New(ellipsis.Cut(err.Error(), maxQuotedError))
}
