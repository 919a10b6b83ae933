package config

import (
	"context"
	"flag"
	"reflect"
	"slices"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Flags is the flags that were set on the command line, after set.Parse. A flag
// is called as the setting's path, with dots, dashes or underscores:
// -http.max-conns is http.max_conns. Their values are written as those of [Env].
// Flags that name no setting are the program's own.
func Flags(set *flag.FlagSet) Layer {
	return Layer{open: func(settings reflect.Type, _ time.Duration) (source, error) {
		if set == nil {
			return nil, fault.InvalidArgument.Errorf("config.Flags: the flag set is nil; give flag.CommandLine")
		}
		if !set.Parsed() {
			return nil, fault.FailedPrecondition.Errorf("config.Flags: call Parse on the flag set before config.Load")
		}
		known, given, refused := named(settings), flags{}, []error(nil)
		set.Visit(func(f *flag.Flag) {
			s, err := pick(known, f.Name, "flag -"+f.Name)
			switch {
			case err != nil:
				refused = append(refused, err)
			case s != nil:
				given = append(given, entry{origin: "flag -" + f.Name, path: s.path, value: parseText(f.Value.String(), s.typ)})
			}
		})
		refused = append(refused, twice(given)...)
		slices.SortStableFunc(given, shorterPathFirst)
		return given, join(refused)
	}}
}

type flags []entry

func (f flags) read(context.Context) ([]entry, error) { return f, nil }
