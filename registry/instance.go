package registry

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Instance is one running copy of a service. Its JSON has the names and order of the
// tags below, every field always present.
type Instance struct {
	// ID tells this instance from all others, Name is its service.
	ID      string `json:"id"`
	Name    string `json:"name"`
	Version string `json:"version"`
	// Endpoint is the base URL at which it is reached: "http://10.0.0.1:8080".
	Endpoint string `json:"endpoint"`
	// HealthCheck is the URL that tells its health, "" if there is none.
	HealthCheck string `json:"health_check"`
	// Metadata is free; "weight" and "zone" have accessors.
	Metadata map[string]string `json:"metadata"`
	Tags     []string          `json:"tags"`
	Status   Status            `json:"status"`
	// LastHeartbeat is the latest sign of life that the registry tells of. Where
	// it does not expose heartbeats, as Consul, it equals UpdatedAt.
	LastHeartbeat time.Time `json:"last_heartbeat"`
	// RegisteredAt is when the id was first registered, UpdatedAt when the
	// instance or its status was last written.
	RegisteredAt time.Time `json:"registered_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}

// Status is the health of an instance.
type Status string

// The statuses. A [Resolver] hands out healthy instances alone.
const (
	Healthy   Status = "healthy"
	Unhealthy Status = "unhealthy"
	Unknown   Status = "unknown"
)

// Validate reports whether s is one of the three, as fault.InvalidArgument.
func (s Status) Validate() error {
	switch s {
	case Healthy, Unhealthy, Unknown:
		return nil
	}
	return fault.InvalidArgument.Errorf("%q is no status; there are %s, %s, %s", string(s), Healthy, Unhealthy, Unknown)
}

// The bounds of a weight: outside them one instance would take everything, or
// nothing ever.
const (
	minWeight = 0.001
	maxWeight = 1000
)

// Weight is the instance's share relative to others: metadata "weight", kept
// between 0.001 and 1000, so that zero and less are the least share, and 1 where it
// is missing or no finite number.
func (i Instance) Weight() float64 {
	w, err := strconv.ParseFloat(i.Metadata["weight"], 64)
	if err != nil || math.IsNaN(w) || math.IsInf(w, 0) {
		return 1
	}
	return min(max(w, minWeight), maxWeight)
}

// Zone is metadata "zone", "" when the instance does not say.
func (i Instance) Zone() string { return i.Metadata["zone"] }

// HasTags reports whether the instance has all of the tags.
func (i Instance) HasTags(tags ...string) bool {
	return !slices.ContainsFunc(tags, func(t string) bool { return !slices.Contains(i.Tags, t) })
}

// equal says that a and b are the same to all who use them: when they were
// heard of last matters to nobody.
func equal(a, b Instance) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Version == b.Version && a.Endpoint == b.Endpoint &&
		a.HealthCheck == b.HealthCheck && a.Status == b.Status &&
		maps.Equal(a.Metadata, b.Metadata) && slices.Equal(a.Tags, b.Tags)
}
