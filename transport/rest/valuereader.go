package rest

import (
	"errors"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/eventstream"
	"github.com/sinew-go/sinew/internal/wire"
)

// The media types of lines of JSON, and those of an answer that is a stream.
var (
	mediaOfLines = mediaTypes{wire.JSONLines, "application/jsonl", "application/ndjson"}
	valuesTypes  = append(mediaTypes{wire.EventStream}, mediaOfLines...)
)

// accept returns the Accept of a request for a stream. Events are preferred: they say where
// they end.
func (v *values) accept() string {
	if len(v.forms) == 1 {
		return v.forms[0]
	}
	return wire.EventStream + ", " + wire.JSONLines + ";q=0.5"
}

// sequence returns an iter.Seq2 that yields what each gives it. emit reports whether there
// may be more.
func (v *values) sequence(each func(emit func(value reflect.Value, err error) bool)) reflect.Value {
	return reflect.MakeFunc(v.seq, func(args []reflect.Value) []reflect.Value {
		each(func(value reflect.Value, err error) bool {
			failure := reflect.Zero(errorInterface)
			if err != nil {
				value, failure = reflect.Zero(v.t), reflect.ValueOf(err)
			}
			return args[0].Call([]reflect.Value{value, failure})[0].Bool()
		})
		return nil
	})
}

// receive returns the values of an answer, which open opens for each iteration.
func (c *contract) receive(open func() (*opened, error)) reflect.Value {
	return c.values.sequence(func(emit func(reflect.Value, error) bool) {
		o, err := open()
		if err != nil {
			emit(reflect.Value{}, err)
			return
		}
		c.readAll(o, emit)
	})
}

// received returns the values of an answer that is open, once.
func (c *contract) received(o *opened) reflect.Value {
	var isRead atomic.Bool
	return c.values.sequence(func(emit func(reflect.Value, error) bool) {
		if isRead.Swap(true) {
			emit(reflect.Value{}, fault.FailedPrecondition.Errorf("the stream in the answer to %s was read: call anew", c.text))
			return
		}
		c.readAll(o, emit)
	})
}

// readAll reads the values of an answer, and closes it.
func (c *contract) readAll(o *opened, emit func(reflect.Value, error) bool) {
	defer func() { _ = o.Close() }()
	if o.status == http.StatusNoContent {
		return
	}
	most := maxAnswerBytes
	if c.answerLimit > 0 {
		most = int(min(c.answerLimit, math.MaxInt32))
	}
	isLines := !strings.HasPrefix(o.header.Get(contentTypeName), wire.EventStream)
	next := c.nextEvent(o, most)
	if isLines {
		next = c.nextLine(o, most)
	}
	if f := followingOf(o.ctx); f != nil {
		f.isLines = isLines
	}
	for {
		value := reflect.New(c.values.t)
		err := next(value)
		if err == io.EOF { //nolint:errorlint // next returns it
			return
		}
		if !emit(value.Elem(), err) || err != nil {
			return
		}
	}
}

// nextEvent returns a function that reads server-sent events; io.EOF is their regular end.
func (c *contract) nextEvent(o *opened, most int) func(target reflect.Value) error {
	from, following := eventstream.NewReader(o, most), followingOf(o.ctx)
	if following != nil {
		from.GoOnAfter(following.lastID)
	}
	return func(target reflect.Value) error {
		e, err := from.Next()
		if following != nil {
			following.record(from.Resume())
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return o.failure(errNoEnd)
		case err != nil:
			return c.unreadable(err)
		case e.Type == endType:
			return io.EOF
		case e.Type == errorType:
			if f := problemIn(e.Data); f != nil {
				return wire.Bound(f, "the stream of "+c.text+" has failed")
			}
		}
		return c.unreadable(c.values.readEvent(e, target))
	}
}

var errNoEnd = errors.New("it ended without the event end")

// nextLine returns a function that reads lines of JSON; io.EOF is their regular end.
func (c *contract) nextLine(o *opened, most int) func(target reflect.Value) error {
	from := eventstream.NewLines(o, most)
	return func(target reflect.Value) error {
		line, err := from.Next()
		switch {
		case err == io.EOF: //nolint:errorlint // as readers must return it
			return err
		case err != nil:
			return c.unreadable(err)
		}
		if f := problemInLine(line); f != nil {
			return wire.Bound(f, "the stream of "+c.text+" has failed")
		}
		return c.unreadable(c.values.line.read(line, target.Interface()))
	}
}

// unreadable returns why a value of an answer cannot be read: err, which may be nil.
func (c *contract) unreadable(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || err == nil {
		return err // that of the connection
	}
	return fault.Internal.Errorf("a value in the answer to %s cannot be read: %w", c.text, err)
}

// incomingValues returns the values of the body of a request, once.
func (h *handler) incomingValues(from io.Reader) reflect.Value {
	most := h.bodyLimit
	v := h.request.whole.values
	lines := eventstream.NewLines(from, int(min(most, math.MaxInt32)))
	return v.sequence(func(emit func(reflect.Value, error) bool) {
		for number := 1; ; number++ {
			line, err := lines.Next()
			if err == io.EOF { //nolint:errorlint // as readers must return it
				return
			}
			if errors.Is(err, eventstream.ErrTooLarge) {
				err = lineTooLarge(most)
			}
			value := reflect.New(v.t)
			if err == nil {
				err = v.readLine(line, h.strict, number, value)
			}
			if !emit(value.Elem(), err) || err != nil {
				return
			}
		}
	})
}
