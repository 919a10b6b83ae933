package config

import (
	"context"
	"flag"

	"github.com/sinew-go/sinew/fault"
)

// Flags is a layer of the flags that were set on the command line; call set.Parse first,
// or Load fails with fault.FailedPrecondition. The name of a flag is the path of a
// setting, with dots, dashes or underscores: -http.max-conns is http.max_conns. Values
// are written as for [Env]. A flag that names no setting belongs to the program and is
// ignored. Flags are read once.
func Flags(set *flag.FlagSet) Layer { return &flagLayer{set: set} }

type flagLayer struct {
	set     *flag.FlagSet
	entries []Entry
	read    bool
}

// Read implements [Layer].
func (f *flagLayer) Read(context.Context) ([]Entry, error) {
	switch {
	case f.read:
		return f.entries, nil
	case f.set == nil:
		return nil, fault.InvalidArgument.Errorf("config.Flags: the flag set is nil; give flag.CommandLine")
	case !f.set.Parsed():
		return nil, fault.FailedPrecondition.Errorf("config.Flags: call Parse on the flag set before config.Load")
	}
	f.set.Visit(func(given *flag.Flag) {
		f.entries = append(f.entries, Entry{
			Origin: "flag -" + given.Name, Path: given.Name, Value: given.Value.String(), Text: true, Optional: true,
		})
	})
	f.read = true
	return f.entries, nil
}

// Watch implements [Layer].
func (*flagLayer) Watch(context.Context, func(error)) {}
