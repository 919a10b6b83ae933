// Package kitlog connects log/slog and go-kit/log in both directions, so that a program
// that moves from one to the other writes one log:
//
//	slog.SetDefault(slog.New(kitlog.Handler(theirs))) // slog writes to a go-kit logger
//	service := NewService(kitlog.Logger(ours))        // go-kit code writes to slog
//
// # Guarantees
//
// Levels are those of go-kit/log/level; other levels of slog are rounded down. A group of
// slog becomes a prefix of its keys, with a dot: http.method. A [slog.LogValuer] or a
// [log.Valuer] is evaluated when the record is written; a LogValuer given to
// [slog.Logger.With] is evaluated by With. No key or value is lost: a missing value is
// written as go-kit's own "(MISSING)", and a key that is not a string is written as one.
// What [Handler] and [Logger] return is safe for concurrent use if the logger to which it
// writes is.
package kitlog

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// Handler returns a [slog.Handler] that writes to the go-kit logger l: the time as ts if
// the record has one, level, msg, and the attributes. It accepts records of every level;
// filtering is up to l.
func Handler(l log.Logger) slog.Handler { return handler{to: l} }

type handler struct {
	to     log.Logger
	prefix string // of the open groups, with a dot at the end
	pairs  []any
}

// Enabled implements [slog.Handler].
func (handler) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements [slog.Handler].
func (h handler) Handle(_ context.Context, r slog.Record) error {
	pairs := make([]any, 0, 6+len(h.pairs)+2*r.NumAttrs())
	if !r.Time.IsZero() {
		pairs = append(pairs, "ts", r.Time)
	}
	pairs = append(pairs, level.Key(), levelValue(r.Level), "msg", r.Message)
	pairs = append(pairs, h.pairs...)
	r.Attrs(func(a slog.Attr) bool {
		pairs = appendAttr(pairs, h.prefix, a)
		return true
	})
	return h.to.Log(pairs...)
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.pairs = slices.Clip(h.pairs)
	for _, a := range attrs {
		h.pairs = appendAttr(h.pairs, h.prefix, a)
	}
	return h
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.prefix += name + "."
	}
	return h
}

func appendAttr(pairs []any, prefix string, a slog.Attr) []any {
	v := a.Value.Resolve()
	switch {
	case a.Equal(slog.Attr{}):
		return pairs
	case v.Kind() == slog.KindGroup:
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range v.Group() {
			pairs = appendAttr(pairs, prefix, inner)
		}
		return pairs
	}
	return append(pairs, prefix+a.Key, v.Any())
}

func levelValue(l slog.Level) level.Value {
	switch {
	case l < slog.LevelInfo:
		return level.DebugValue()
	case l < slog.LevelWarn:
		return level.InfoValue()
	case l < slog.LevelError:
		return level.WarnValue()
	}
	return level.ErrorValue()
}

// Logger returns a go-kit logger that writes to l, at the level that go-kit/log/level
// gives a record, or else at info. The value of the key msg, or message, is the record's
// message.
func Logger(l *slog.Logger) log.Logger { return logger{l.Handler()} }

type logger struct{ to slog.Handler }

// Log implements go-kit's log.Logger.
func (l logger) Log(pairs ...any) error {
	ctx := context.Background()
	if len(pairs)%2 != 0 {
		pairs = append(slices.Clip(pairs), log.ErrMissingValue)
	}
	at, message := slog.LevelInfo, ""
	var attrs []slog.Attr
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			key = fmt.Sprint(pairs[i])
		}
		switch value := pairs[i+1].(type) {
		case level.Value:
			at = slogLevel(value)
			continue
		case string:
			if (key == "msg" || key == "message") && message == "" {
				message = value
				continue
			}
		}
		attrs = append(attrs, slog.Any(key, evaluated(pairs[i+1])))
	}
	if !l.to.Enabled(ctx, at) {
		return nil
	}
	var caller [1]uintptr
	runtime.Callers(2, caller[:])
	r := slog.NewRecord(time.Now(), at, message, caller[0])
	r.AddAttrs(attrs...)
	return l.to.Handle(ctx, r)
}

// evaluated returns a value for slog: it evaluates a go-kit Valuer.
func evaluated(v any) any {
	if valuer, ok := v.(log.Valuer); ok {
		return valuer()
	}
	return v
}

func slogLevel(v level.Value) slog.Level {
	switch v.String() {
	case level.DebugValue().String():
		return slog.LevelDebug
	case level.WarnValue().String():
		return slog.LevelWarn
	case level.ErrorValue().String():
		return slog.LevelError
	}
	return slog.LevelInfo
}
