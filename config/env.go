package config

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/fault"
)

// Env is a layer of the environment variables whose names begin with prefix and an
// underscore. The prefix must not be empty. The rest of the name is the path of the
// setting, in capitals and with underscores: with the prefix ORDERS, http.max_conns is
// ORDERS_HTTP_MAX_CONNS. A list is written as a,b,c or as a JSON list, objects and maps
// as JSON, bytes in base64. For a setting that is text, the value is used unchanged, even
// "null".
//
// A variable that names no setting is refused, except those that Kubernetes sets for each
// Service. Two variables for the same setting are refused, too.
func Env(prefix string) Layer {
	return envLayer(strings.TrimSuffix(prefix, "_") + "_")
}

// envLayer is the prefix with an underscore.
type envLayer string

// Read implements [Layer].
func (e envLayer) Read(context.Context) ([]Entry, error) {
	if e == "_" {
		return nil, fault.InvalidArgument.Errorf("config.Env needs a prefix; without one every variable would be a setting")
	}
	var entries []Entry
	variables := os.Environ()
	slices.Sort(variables)
	for _, variable := range variables {
		name, text, _ := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, string(e))
		if !ours || rest == "" {
			continue
		}
		entries = append(entries, Entry{
			Origin: "variable " + name, Path: rest, Value: text, Text: true,
			Optional: serviceLink.MatchString(rest) || linkAddress.MatchString(text),
		})
	}
	return entries, nil
}

// Watch implements [Layer]. Variables are read again at each reload only.
func (envLayer) Watch(context.Context, func(error)) {}

// The variables that Kubernetes sets in every container for each Service of the
// namespace; see "Accessing the Service" in its documentation.
var (
	serviceLink = regexp.MustCompile(`(^|_)(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	linkAddress = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)
