package call

import (
	"fmt"
	"strings"
	"time"
)

// Situation is what a client knew when it made an attempt.
type Situation struct {
	// Breaker is the breaker's state.
	Breaker string `json:"breaker,omitempty"`
	// Limit is how many attempts of the client could be in flight at once; zero means any
	// number. InFlight is how many were in flight.
	Limit    int `json:"limit"`
	InFlight int `json:"in_flight"`
	// Budget is how many repeats the retry budget had left.
	Budget float64 `json:"budget"`
	// Candidates are the instances to choose from.
	Candidates []Candidate `json:"candidates"`
}

// Candidate is an instance that could be chosen for an attempt.
type Candidate struct {
	ID string `json:"id"`
	// InFlight is how many attempts of this client were in flight there.
	InFlight int `json:"in_flight"`
	// Latency is how long an attempt there is expected to take, in seconds; 0 if that is
	// not known.
	Latency float64 `json:"latency_seconds"`
	// Cost is what the balancer compares: of the instances that it draws at random, it uses
	// the one with the lowest Cost. 0 if the balancer does not compare costs.
	Cost float64 `json:"cost,omitempty"`
	// Excluded says why the instance was to be used only if no other could be: "ejected",
	// "probation", or "tried" if an earlier attempt of the call went there. Otherwise it is
	// empty.
	Excluded string `json:"excluded,omitempty"`
}

func (c Candidate) describe(b *strings.Builder) {
	fmt.Fprintf(b, "    %s: %d in flight", c.ID, c.InFlight)
	if c.Latency > 0 {
		fmt.Fprintf(b, ", %s", rounded(time.Duration(c.Latency*float64(time.Second))))
	}
	if c.Cost > 0 {
		fmt.Fprintf(b, ", cost %.3g", c.Cost)
	}
	if c.Excluded != "" {
		b.WriteString(", " + c.Excluded)
	}
	b.WriteByte('\n')
}
