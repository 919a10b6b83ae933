package simtest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/headertext"
)

// Values above these are typing mistakes.
const (
	maxRate      = 1e6 // calls per second
	maxFactor    = 1e6
	maxInstances = 10_000
	maxUsers     = 1_000_000
)

// report records a fault.
type report func(format string, args ...any)

// Validate reports every fault of the world at once, as fault.InvalidArgument.
func (w World) Validate() error {
	var faults []error
	bad := func(format string, args ...any) {
		faults = append(faults, fault.InvalidArgument.Errorf(format, args...))
	}
	if w.For < 0 {
		bad("For: %s is negative", w.For)
	}
	if w.Expiry < 0 {
		bad("Expiry: %s is negative", w.Expiry)
	}
	if err := w.Bus.Validate(); err != nil {
		bad("Bus: %w", err)
	}
	w.validateNames(bad)
	for _, s := range w.Services {
		s.validate(w, bad)
	}
	w.validateCycles(bad)
	if len(w.Clients) == 0 {
		bad("Clients: nobody calls")
	}
	for _, c := range w.Clients {
		c.validate(w, bad)
	}
	w.validateScript(bad)
	return errors.Join(faults...)
}

// validateNames checks that the names of services and clients are valid and unique.
func (w World) validateNames(bad report) {
	taken := map[string]bool{}
	check := func(setting, name string) {
		switch {
		case headertext.OrEmpty(name) == "":
			bad("%s: the name %q is empty, too long, or not of printable ASCII", setting, name)
		case taken[name]:
			bad("%s: the name %q is taken", setting, name)
		}
		taken[name] = true
	}
	for _, s := range w.Services {
		check("Services", s.Name)
	}
	for _, c := range w.Clients {
		check("Clients", c.name())
	}
}

func (s Service) validate(w World, bad report) {
	if s.Instances < 0 || s.Instances > maxInstances {
		bad("service %s: Instances: %d is not between 0 and %d", s.Name, s.Instances, maxInstances)
	}
	if s.Workers < 0 {
		bad("service %s: Workers: %d is negative", s.Name, s.Workers)
	}
	if s.Queue != 0 && s.Workers == 0 {
		bad("service %s: Queue: %d has no effect where Workers are not limited", s.Name, s.Queue)
	}
	if !(s.Errors >= 0 && s.Errors <= 1) {
		bad("service %s: Errors: %v is not between 0 and 1", s.Name, s.Errors)
	}
	for _, name := range s.Calls {
		if _, ok := w.service(name); !ok {
			bad("service %s: Calls: there is no service %q", s.Name, name)
		}
	}
	if s.Do != nil && (s.Latency != nil || s.Errors > 0 || s.Calls != nil) {
		bad("service %s: beside Do, Latency, Errors and Calls have no effect", s.Name)
	}
	validatePolicies("service "+s.Name, s.Config, bad)
}

func (c Client) validate(w World, bad report) {
	name := c.name()
	if _, ok := w.service(c.Calls); !ok {
		bad("client %s: Calls: there is no service %q", name, c.Calls)
	}
	scripted := slices.ContainsFunc(w.Script, func(e Event) bool { return e.what.client == name })
	switch {
	case !(c.Rate >= 0 && c.Rate <= maxRate):
		bad("client %s: Rate: %v is not between 0 and %v", name, c.Rate, float64(maxRate))
	case c.Users < 0 || c.Users > maxUsers:
		bad("client %s: Users: %d is not between 0 and %d", name, c.Users, maxUsers)
	case c.Rate > 0 && c.Users > 0:
		bad("client %s: Rate and Users are both set; a load is an open loop or a closed one", name)
	case c.Rate == 0 && c.Users == 0 && !scripted:
		bad("client %s: neither Rate nor Users is set, and the script sets no Load", name)
	}
	if c.Think != nil && c.Users == 0 {
		bad("client %s: Think has no effect without Users", name)
	}
	if c.Processes < 0 || c.Processes > maxInstances {
		bad("client %s: Processes: %d is not between 0 and %d", name, c.Processes, maxInstances)
	}
	if c.Deadline < 0 {
		bad("client %s: Deadline: %s is negative", name, c.Deadline)
	}
	validatePolicies("client "+name, c.Config, bad)
}

func validatePolicies(who string, c sinew.Config, bad report) {
	for name, p := range c.Clients {
		if err := p.Validate(); err != nil {
			bad("%s: Config.Clients: %s: %w", who, name, err)
		}
	}
}

// validateCycles checks that no service calls itself through others, because such a call
// would never be answered.
func (w World) validateCycles(bad report) {
	done := map[string]bool{}
	var visit func(name string, path []string)
	visit = func(name string, path []string) {
		s, ok := w.service(name)
		at := slices.Index(path, name)
		switch {
		case at >= 0:
			bad("service %s: Calls: it calls itself in the end: %v", name, append(slices.Clone(path[at:]), name))
		case ok && !done[name]:
			for _, next := range s.Calls {
				visit(next, append(slices.Clone(path), name))
			}
			done[name] = true
		}
	}
	for _, s := range w.Services {
		visit(s.Name, nil)
	}
}

// validateScript tracks how many instances each service can have at a moment.
func (w World) validateScript(bad report) {
	instances, end := map[string]int{}, cmp.Or(max(w.For, 0), defaultFor)
	for _, s := range w.Services {
		instances[s.Name] = max(s.Instances, 1)
	}
	for _, e := range w.inOrder() {
		at, a := fmt.Sprintf("Script: at %s", e.at), e.what
		if e.at < 0 || e.at > end {
			bad("%s: the run is from 0 to %s", at, end)
		}
		if a.apply == nil {
			bad("%s: nothing happens", at)
			continue
		}
		if a.fault != "" {
			bad("%s: %s", at, a.fault)
		}
		w.validateTarget(at, a, instances, bad)
		if a.added != nil && a.fault == "" {
			instances[a.service] = min(instances[a.service]+a.added(instances[a.service]), maxInstances)
		}
	}
}

// validateTarget checks that the target of an action exists.
func (w World) validateTarget(at string, a Action, instances map[string]int, bad report) {
	if _, ok := w.service(a.service); a.service != "" && !ok {
		bad("%s: there is no service %q", at, a.service)
	} else {
		for _, n := range a.instances {
			if n < 0 || n >= instances[a.service] {
				bad("%s: service %s has no instance %d then; it has %d, numbered from 0", at, a.service, n, instances[a.service])
			}
		}
	}
	client := func(name string) int {
		return slices.IndexFunc(w.Clients, func(c Client) bool { return c.name() == name })
	}
	if _, there := w.service(a.from); a.from != "" && !there && client(a.from) < 0 {
		bad("%s: there is no client or service %q", at, a.from)
	}
	switch n := client(a.client); {
	case a.client == "":
	case n < 0:
		bad("%s: there is no client %q", at, a.client)
	case w.Clients[n].Users > 0:
		bad("%s: Load has no effect on client %s, whose Users wait for their answers", at, a.client)
	}
}

// inOrder is the script sorted by time.
func (w World) inOrder() []Event {
	script := slices.Clone(w.Script)
	slices.SortStableFunc(script, func(a, b Event) int { return cmp.Compare(a.at, b.at) })
	return script
}

func (w World) service(name string) (Service, bool) {
	for _, s := range w.Services {
		if s.Name == name {
			return s, true
		}
	}
	return Service{}, false
}

// name is the client's name, or the default.
func (c Client) name() string { return cmp.Or(c.Name, "client") }
