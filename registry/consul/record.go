package consul

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

// Metadata keys for what a Consul service has no field for.
const (
	ownPrefix       = "sinew_"
	metaEndpoint    = ownPrefix + "endpoint"
	metaVersion     = ownPrefix + "version"
	metaHealthCheck = ownPrefix + "health_check"
	metaRegistered  = ownPrefix + "registered_at"
	metaUpdated     = ownPrefix + "updated_at"
	ownPairs        = 5
)

// metaWeight is the metadata key of an instance's weight. It overrides Consul's own
// weight.
const metaWeight = "weight"

// The limits of Consul's metadata.
const (
	maxPairs     = 64
	maxMetaKey   = 128
	maxMetaValue = 512
)

// check reports what Consul would refuse.
func check(i registry.Instance) error {
	faults := []error{i.Validate()}
	if i.Name != "" {
		faults = append(faults, checkName(i.Name))
	}
	refuse := func(format string, args ...any) {
		faults = append(faults, fault.InvalidArgument.Errorf(format, args...))
	}
	if len(i.Metadata) > maxPairs-ownPairs {
		refuse("instance %q has %d pairs of metadata; Consul takes %d besides our own", i.ID, len(i.Metadata), maxPairs-ownPairs)
	}
	for key, value := range i.Metadata {
		switch {
		case strings.HasPrefix(key, ownPrefix):
			refuse("instance %q: metadata %q: the prefix %s is taken", i.ID, key, ownPrefix)
		case key == "" || len(key) > maxMetaKey || strings.ContainsFunc(key, notInMetaKey):
			refuse("instance %q: metadata %q: Consul takes keys of 1 to %d letters, digits, - and _", i.ID, key, maxMetaKey)
		case len(value) > maxMetaValue:
			refuse("instance %q: metadata %q has %d bytes; Consul takes %d", i.ID, key, len(value), maxMetaValue)
		}
	}
	for what, value := range map[string]string{"endpoint": i.Endpoint, "version": i.Version, "health check": i.HealthCheck} {
		if len(value) > maxMetaValue {
			refuse("instance %q: its %s has %d bytes; Consul takes %d", i.ID, what, len(value), maxMetaValue)
		}
	}
	return errors.Join(faults...)
}

func notInMetaKey(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// record returns the instance in the form in which it is registered with the agent.
func (c Config) record(i registry.Instance) *api.AgentServiceRegistration {
	meta := map[string]string{
		metaEndpoint: i.Endpoint, metaVersion: i.Version, metaHealthCheck: i.HealthCheck,
		metaRegistered: i.RegisteredAt.Format(time.RFC3339Nano), metaUpdated: i.UpdatedAt.Format(time.RFC3339Nano),
	}
	maps.Copy(meta, i.Metadata)
	host, port := address(i.Endpoint)
	return &api.AgentServiceRegistration{
		ID: serviceID(i.ID), Name: i.Name, Tags: i.Tags, Meta: meta, Address: host, Port: port, Weights: weights(i),
		Check: &api.AgentServiceCheck{
			CheckID:                        checkID(i.ID),
			Name:                           "renewed by its process",
			TTL:                            c.TTL.String(),
			Status:                         checkStatus(i.Status),
			DeregisterCriticalServiceAfter: c.DeregisterAfter.String(),
		},
	}
}

// instance converts a service from Consul, whoever registered it.
func instance(e *api.ServiceEntry) registry.Instance {
	s := e.Service
	i := registry.Instance{
		ID: s.ID, Name: s.Service, Tags: s.Tags, Status: status(nonNil(e.Checks).AggregatedStatus()),
		Endpoint: s.Meta[metaEndpoint], Version: s.Meta[metaVersion], HealthCheck: s.Meta[metaHealthCheck],
		RegisteredAt: parseTime(s.Meta[metaRegistered]), UpdatedAt: parseTime(s.Meta[metaUpdated]),
	}
	i.LastHeartbeat = i.UpdatedAt
	for key, value := range s.Meta {
		if strings.HasPrefix(key, ownPrefix) {
			continue
		}
		if i.Metadata == nil {
			i.Metadata = map[string]string{}
		}
		i.Metadata[key] = value
	}
	if i.Endpoint == "" { // registered by another program
		i.Endpoint = endpoint(e)
		i.Version = s.Meta["version"]
	} else {
		i.ID = instanceID(s.ID)
	}
	if _, says := i.Metadata[metaWeight]; !says && s.Weights.Passing > 1 {
		if i.Metadata == nil {
			i.Metadata = map[string]string{}
		}
		i.Metadata[metaWeight] = strconv.Itoa(s.Weights.Passing)
	}
	return i
}

// weights returns the weight of an instance as Consul uses it for DNS: a whole number, at
// least 1. Nil means 1.
func weights(i registry.Instance) *api.AgentWeights {
	if _, says := i.Metadata[metaWeight]; !says {
		return nil
	}
	return &api.AgentWeights{Passing: max(int(math.Round(i.Weight())), 1), Warning: 1}
}

// endpoint returns the base URL of a service that another program registered.
func endpoint(e *api.ServiceEntry) string {
	host := e.Service.Address
	if host == "" && e.Node != nil {
		host = e.Node.Address
	}
	scheme := cmp.Or(e.Service.Meta["scheme"], "http")
	if e.Service.Port != 0 {
		host = net.JoinHostPort(host, strconv.Itoa(e.Service.Port))
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return (&url.URL{Scheme: scheme, Host: host}).String()
}

// address returns host and port of a base URL. A URL without a port has the port of its
// scheme, or 0.
func address(endpoint string) (host string, port int) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", 0
	}
	text := u.Port()
	if text == "" {
		text = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	port, _ = strconv.Atoi(text) // 0 if there is none
	return u.Hostname(), port
}

// parseTime parses a time that this package wrote. A service of another program has none.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// nonNil removes checks that are null, because Consul's client panics on them.
func nonNil(all api.HealthChecks) api.HealthChecks {
	return slices.DeleteFunc(all, func(c *api.HealthCheck) bool { return c == nil })
}

func checkID(id string) string { return "service:" + serviceID(id) }

func checkStatus(s registry.Status) string {
	switch s {
	case registry.Healthy:
		return api.HealthPassing
	case registry.Unhealthy:
		return api.HealthCritical
	default:
		return api.HealthWarning
	}
}

func status(check string) registry.Status {
	switch check {
	case api.HealthPassing:
		return registry.Healthy
	case api.HealthWarning, "":
		return registry.Unknown
	default: // critical and maintenance
		return registry.Unhealthy
	}
}
