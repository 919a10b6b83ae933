package config

import (
	"context"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Env reads the environment variables whose names begin with prefix and an underscore.
// The rest of the name is the path of the setting, in capitals and with underscores: with
// the prefix ORDERS, http.max_conns is ORDERS_HTTP_MAX_CONNS. A list is written as a,b,c
// or as a JSON list, objects and maps as JSON, bytes in base64. For a setting that is
// text, the value is used unchanged, even "null".
//
// A variable that names no setting is refused, except those that Kubernetes sets for each
// Service. Two variables for the same setting are refused, too.
func Env(prefix string) Layer {
	return Layer{open: func(settings reflect.Type, _ time.Duration) (source, error) {
		prefix := strings.TrimSuffix(prefix, "_")
		if prefix == "" {
			return nil, fault.InvalidArgument.Errorf("config.Env needs a prefix; without one every variable would be a setting")
		}
		return &envSource{prefix: prefix + "_", settings: byName(settings)}, nil
	}}
}

type envSource struct {
	prefix   string
	settings map[string][]setting
}

func (e *envSource) read(context.Context) ([]entry, error) {
	var entries []entry
	var refused []error
	variables := os.Environ()
	slices.Sort(variables)
	for _, variable := range variables {
		name, text, _ := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, e.prefix)
		if !ours || rest == "" {
			continue
		}
		s, err := findSetting(e.settings, rest, "variable "+name)
		switch {
		case err != nil:
			refused = append(refused, err)
		case s != nil:
			entries = append(entries, entry{origin: "variable " + name, path: s.path, value: parseText(text, s.typ)})
		case !serviceLink.MatchString(rest) && !linkAddress.MatchString(text):
			refused = append(refused, fault.InvalidArgument.Errorf("variable %s: no setting is named %q", name, strings.ToLower(rest)))
		}
	}
	refused = append(refused, duplicates(entries)...)
	slices.SortStableFunc(entries, shorterPathFirst)
	return entries, joinErrors(refused)
}

// duplicates reports settings that two of the entries set, because one of the two would
// be lost.
func duplicates(entries []entry) (refused []error) {
	first := map[string]string{} // the origin that set a path
	for _, e := range entries {
		path := strings.Join(e.path, ".")
		if other, ok := first[path]; ok {
			refused = append(refused, fault.InvalidArgument.Errorf("%s: %s sets key %q, too; leave one of them out", e.origin, other, path))
			continue
		}
		first[path] = e.origin
	}
	return refused
}

// The variables that Kubernetes sets in every container for each Service of the
// namespace; see "Accessing the Service" in its documentation.
var (
	serviceLink = regexp.MustCompile(`(^|_)(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	linkAddress = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

// findSetting returns the setting with this flat name, or nil.
func findSetting(settings map[string][]setting, name, origin string) (*setting, error) {
	found := settings[flatName(name)]
	if len(found) > 1 {
		return nil, fault.InvalidArgument.Errorf("%s: it names both key %q and key %q; rename one of them",
			origin, strings.Join(found[0].path, "."), strings.Join(found[1].path, "."))
	}
	if len(found) == 0 {
		return nil, nil
	}
	return &found[0], nil
}

// shorterPathFirst lets the entry of a part override the entry of an object around it.
func shorterPathFirst(a, b entry) int { return len(a.path) - len(b.path) }
