package config

import (
	"context"
	"flag"
	"reflect"
	"slices"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Flags uses the flags that were set on the command line; call set.Parse first. The name
// of a flag is the path of a setting, with dots, dashes or underscores: -http.max-conns
// is http.max_conns. Values are written as for [Env]. A flag that names no setting
// belongs to the program and is ignored.
func Flags(set *flag.FlagSet) Layer {
	return Layer{open: func(settings reflect.Type, _ time.Duration) (source, error) {
		if set == nil {
			return nil, fault.InvalidArgument.Errorf("config.Flags: the flag set is nil; give flag.CommandLine")
		}
		if !set.Parsed() {
			return nil, fault.FailedPrecondition.Errorf("config.Flags: call Parse on the flag set before config.Load")
		}
		settingsByName, given, refused := byName(settings), flagSource{}, []error(nil)
		set.Visit(func(f *flag.Flag) {
			s, err := findSetting(settingsByName, f.Name, "flag -"+f.Name)
			switch {
			case err != nil:
				refused = append(refused, err)
			case s != nil:
				given = append(given, entry{origin: "flag -" + f.Name, path: s.path, value: parseText(f.Value.String(), s.typ)})
			}
		})
		refused = append(refused, duplicates(given)...)
		slices.SortStableFunc(given, shorterPathFirst)
		return given, joinErrors(refused)
	}}
}

type flagSource []entry

func (f flagSource) read(context.Context) ([]entry, error) { return f, nil }
