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

// Env is the environment variables that begin with prefix and an underscore. The
// rest of the name is the setting's path in capitals with underscores: with the
// prefix ORDERS, http.max_conns is ORDERS_HTTP_MAX_CONNS. Lists are written
// a,b,c or as a list in JSON, objects and maps as JSON, bytes in base64. What is
// text is taken as it stands: null is a word. A variable that names no setting
// is refused, except for those that Kubernetes sets for each Service; so are two
// variables that name the same one.
func Env(prefix string) Layer {
	return Layer{open: func(settings reflect.Type, _ time.Duration) (source, error) {
		prefix := strings.TrimSuffix(prefix, "_")
		if prefix == "" {
			return nil, fault.InvalidArgument.Errorf("config.Env needs a prefix; without one every variable would be a setting")
		}
		return &environment{prefix: prefix + "_", settings: named(settings)}, nil
	}}
}

type environment struct {
	prefix   string
	settings map[string][]setting
}

func (e *environment) read(context.Context) ([]entry, error) {
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
		s, err := pick(e.settings, rest, "variable "+name)
		switch {
		case err != nil:
			refused = append(refused, err)
		case s != nil:
			entries = append(entries, entry{origin: "variable " + name, path: s.path, value: parseText(text, s.typ)})
		case !serviceLink.MatchString(rest) && !linkAddress.MatchString(text):
			refused = append(refused, fault.InvalidArgument.Errorf("variable %s: no setting is named %q", name, strings.ToLower(rest)))
		}
	}
	refused = append(refused, twice(entries)...)
	slices.SortStableFunc(entries, shorterPathFirst)
	return entries, join(refused)
}

// twice tells of settings that two of the entries set: one would be lost.
func twice(entries []entry) (refused []error) {
	first := map[string]string{} // what set a path
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

// What Kubernetes puts into every container for each Service of its namespace,
// see "Accessing the Service" in its documentation.
var (
	serviceLink = regexp.MustCompile(`(^|_)(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	linkAddress = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

// pick finds the setting with this flat name, or nil.
func pick(settings map[string][]setting, name, origin string) (*setting, error) {
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

// shorterPathFirst lets a part win over the whole that it belongs to.
func shorterPathFirst(a, b entry) int { return len(a.path) - len(b.path) }
