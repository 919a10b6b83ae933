package config

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/heartbeat"
)

// Layer is one source of settings. [File], [FromStore], [Env] and [Flags] are layers, and
// so is any type with these two methods, such as one that reads a vault or a database.
//
// A layer belongs to one [Value] at a time. The Value never makes two calls of Read at
// once; it makes them on any goroutine, and also while Watch runs. A layer that panics in
// Read is refused like one that returns an error; a panic in Watch is not recovered.
//
// [configtest.RunLayer] tests an implementation.
//
// [configtest.RunLayer]: https://pkg.go.dev/github.com/sinew-go/sinew/config/configtest#RunLayer
type Layer interface {
	// Read returns all settings that the source has at present. It must return soon after
	// ctx ends; ctx ends after 10 s at the latest.
	//
	// An error of Read is the error of Load. Later, the last good settings of the layer
	// stay in force, and Value.Err, Value.OnRefused and the log show the error as it is. So
	// the error must name the source, have the fault.Code of its cause, and quote no
	// secret. While errors persist that are not fault.InvalidArgument, only the first with
	// each code is reported.
	Read(ctx context.Context) ([]Entry, error)
	// Watch calls changed(nil) whenever Read may return something else, and changed with an
	// error while it cannot find that out. It returns when ctx ends, or at once if the
	// settings never change. Value.Close waits until Watch has returned.
	//
	// changed reads all layers again, and returns when that is done and the functions given
	// to Value.Watch have returned. It is safe for concurrent use, and may be called when
	// nothing has changed, and after ctx has ended.
	Watch(ctx context.Context, changed func(err error))
}

// Entry is a setting, or an object of settings, as a [Layer] returns it. Of two entries
// for one setting the later one overrides the earlier one.
type Entry struct {
	// Origin names the entry in errors: "orders.yaml", "variable ORDERS_ADDR".
	Origin string
	// Path is the path of the setting: http.port. An empty Path is the root: Value is
	// then an object whose keys are names of settings.
	Path string
	// Value is the value in the types of decoded JSON: a string, a number, a bool, a []any
	// or a map[string]any of those, or anything that encoding/json can write. A
	// time.Duration is taken as its text. A nil Value sets nothing. A [Secret] is revealed,
	// and has the effect of the field Secret.
	Value any
	// Secret keeps all of Value out of errors and logs, but for the keys at the root.
	Secret bool
	// Text says that the source has nothing but text, as environment variables do. Value
	// is then a string that is written as for [Env] and read by the type of its setting.
	// In Path, capitals and small letters are the same, and so are _ - and dots. Two
	// entries with Text for one setting are refused. Those for a part of an object
	// override those for the whole, and all of them override the entries without Text.
	Text bool
	// Optional says that an entry with Text is ignored if no setting has its path. An entry
	// that is not Optional is refused then.
	Optional bool
}

// Every returns a layer that reads as l does, and that is read again after each interval
// d, in place of what l.Watch does. If d is not above 0, it returns l.
func Every(d time.Duration, l Layer) Layer {
	if d <= 0 || absent.Is(l) {
		return l
	}
	return polled{l, d}
}

type polled struct {
	Layer
	interval time.Duration
}

// Watch implements [Layer].
func (p polled) Watch(ctx context.Context, changed func(error)) {
	heartbeat.Until(ctx, p.interval, func(context.Context) { changed(nil) })
}
