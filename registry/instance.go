package registry

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Instance is one process that serves a service. Its JSON has the names and order of the
// struct tags below, and every field is always present.
type Instance struct {
	// ID identifies the instance among those of all services. Name is the name of its
	// service. Version is that of its program, in any form; it is optional.
	ID      string `json:"id"`
	Name    string `json:"name"`
	Version string `json:"version"`
	// Endpoint is the base URL of the instance: "http://10.0.0.1:8080".
	Endpoint string `json:"endpoint"`
	// HealthCheck is the URL of the instance's health check; it is optional.
	HealthCheck string `json:"health_check"`
	// Metadata may contain anything; [Instance.Weight] and [Instance.Zone] read "weight" and
	// "zone". Tags are what [Discoverer].Services can select instances by.
	Metadata map[string]string `json:"metadata"`
	Tags     []string          `json:"tags"`
	Status   Status            `json:"status"`
	// LastHeartbeat is when the registration was last renewed. It equals UpdatedAt if the
	// registry does not report renewals, as Consul does not.
	LastHeartbeat time.Time `json:"last_heartbeat"`
	// RegisteredAt is when the ID was first registered. UpdatedAt is when the instance or
	// its status was last written.
	RegisteredAt time.Time `json:"registered_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}

// Status is the health of an instance.
type Status string

// The statuses. A [Resolver] returns only healthy instances.
const (
	Healthy   Status = "healthy"   // may be called
	Unhealthy Status = "unhealthy" // must not be called
	Unknown   Status = "unknown"   // it is not known whether the instance works
)

// Validate returns fault.InvalidArgument if s is none of the three statuses.
func (s Status) Validate() error {
	switch s {
	case Healthy, Unhealthy, Unknown:
		return nil
	}
	return fault.InvalidArgument.Errorf("%q is no status; there are %s, %s, %s", string(s), Healthy, Unhealthy, Unknown)
}

// The bounds of a weight. Outside them one instance would get all calls, or none.
const (
	minWeight = 0.001
	maxWeight = 1000
)

// Weight returns the instance's share of the calls, relative to the weights of the other
// instances: metadata "weight", limited to 0.001..1000. Zero and negative weights are
// 0.001. A weight that is missing or is no finite number is 1.
func (i Instance) Weight() float64 {
	w, err := strconv.ParseFloat(i.Metadata["weight"], 64)
	if err != nil || math.IsNaN(w) || math.IsInf(w, 0) {
		return 1
	}
	return min(max(w, minWeight), maxWeight)
}

// Zone returns metadata "zone"; it is empty if the instance has none.
func (i Instance) Zone() string { return i.Metadata["zone"] }

// HasTags reports whether the instance has all of the tags. It is true for no tags.
func (i Instance) HasTags(tags ...string) bool {
	return !slices.ContainsFunc(tags, func(t string) bool { return !slices.Contains(i.Tags, t) })
}

// isEquivalent reports whether a and b are the same for their users. Times do not count.
func isEquivalent(a, b Instance) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Version == b.Version && a.Endpoint == b.Endpoint &&
		a.HealthCheck == b.HealthCheck && a.Status == b.Status &&
		maps.Equal(a.Metadata, b.Metadata) && slices.Equal(a.Tags, b.Tags)
}
