package rest

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/sinew-go/sinew/internal/eventstream"
	"github.com/sinew-go/sinew/internal/wire"
)

// heartbeat is how long a stream is silent until it has a sign of life: proxies close
// connections that are idle for 30 to 60 seconds.
const heartbeat = 15 * time.Second

var (
	eventTypes = []string{wire.EventStream}
	lineTypes  = []string{wire.JSONLines}
)

// valueWriter writes the values of one answer.
type valueWriter struct {
	*values
	to      *wire.StreamWriter
	isLines bool

	mu     sync.Mutex
	timer  *time.Timer
	isOver bool
	buffer []byte
}

// writeValues writes a stream as the handler yields it. A stream that fails has the failure
// at its end.
func (h *handler) writeValues(
	ctx context.Context, end context.CancelCauseFunc, w http.ResponseWriter, r *http.Request, a answer,
) {
	gone := func(error) { end(context.Canceled) }
	v := &valueWriter{values: h.values, to: wire.NewStreamWriter(h.timeLimits.paceWriter(w), gone), isLines: h.values.isLinesFor(r.Header)}
	a.setHeader(w)
	w.Header()[contentTypeName] = eventTypes
	if v.isLines {
		w.Header()[contentTypeName] = lineTypes
	}
	if a.Header["Cache-Control"] == nil {
		w.Header()["Cache-Control"] = []string{"no-store"}
	}
	w.Header()["X-Accel-Buffering"] = []string{"no"} // nginx would collect the answer
	w.WriteHeader(a.Status)
	if r.Method == http.MethodHead {
		return
	}
	_ = v.to.FlushError()
	v.start()
	defer v.stop()
	err := h.yieldAll(ctx, v, a.sequence)
	if err == nil {
		v.finish(nil)
		return
	}
	err = wire.MarkProcessed(err)
	if errors.Is(context.Cause(ctx), wire.ErrStopping) && ctx.Err() != nil {
		err = wire.ErrStopping
	}
	logFailure(ctx, w, h.log(), h.text, err)
	reportFailure(w, err)
	v.finish(problem(err).Body)
}

// isLinesFor reports whether a caller gets lines of JSON, and not events.
func (v *values) isLinesFor(header http.Header) bool {
	if len(v.forms) == 1 {
		return v.forms[0] == wire.JSONLines
	}
	return prefersLines(header)
}

// yieldAll writes all values of a sequence. It returns what has ended them too early.
func (h *handler) yieldAll(ctx context.Context, v *valueWriter, sequence reflect.Value) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value, not wrapped
				panic(p)
			}
			logPanic(ctx, h.log(), h.text, p)
			err = errInternal
		}
	}()
	if sequence.IsNil() {
		return nil
	}
	for value, failure := range sequence.Seq2() {
		if !failure.IsNil() {
			return failure.Interface().(error)
		}
		if err := v.write(value); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
	}
	return context.Cause(ctx)
}

// write writes a value.
func (v *valueWriter) write(value reflect.Value) (err error) {
	at := reflect.New(v.t) // what MarshalJSON of a pointer is found through
	at.Elem().Set(value)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.isLines {
		v.buffer, err = v.appendLine(v.buffer[:0], at)
	} else {
		v.buffer, err = v.appendEvent(v.buffer[:0], at)
	}
	if err == nil {
		err = v.send(v.buffer)
	}
	if cap(v.buffer) > 64<<10 { // one large value must not occupy memory for as long as the stream lasts
		v.buffer = nil
	}
	return err
}

// send sends text now. It must be called with mu.
func (v *valueWriter) send(text []byte) error {
	_, err := v.to.Write(text)
	if err == nil {
		err = v.to.FlushError()
	}
	v.timer.Reset(heartbeat)
	return err
}

// start starts the heartbeat.
func (v *valueWriter) start() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.timer = time.AfterFunc(heartbeat, v.beat)
}

// beat writes what says nothing but that the stream goes on.
func (v *valueWriter) beat() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.isOver {
		return
	}
	text := eventstream.Comment
	if v.isLines {
		text = "\n"
	}
	_ = v.send([]byte(text))
}

// finish writes the end of the stream.
func (v *valueWriter) finish(problem []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_ = v.send(appendEnd(nil, v.isLines, problem))
}

// stop ends the heartbeat, and returns when all that was written is sent.
func (v *valueWriter) stop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.isOver = true
	v.timer.Stop()
	v.to.Close()
}
