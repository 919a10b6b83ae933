package simtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Event is something that happens at a moment of a run. Make it with [At].
type Event struct {
	at   time.Duration
	what Action
}

// At is what happens so long after the start of the run.
func At(moment time.Duration, what Action) Event { return Event{moment, what} }

// Action is what can happen. Where it takes instances, they are numbered from 0,
// and none means all.
type Action struct {
	text      string
	service   string
	instances []int
	client    string // whose load changes
	from      string // who is cut off
	more      func(instances int) int
	begin     func(r *run)
	fault     string
}

// Slow makes instances work factor times as long; 1 is as before.
func Slow(service string, factor float64, instances ...int) Action {
	a := each(fmt.Sprintf("slow ×%g", factor), service, instances, func(i *Instance) { i.set(func(s *condition) { s.slow = factor }) })
	if !(factor >= 0 && factor <= maxFactor) {
		a.fault = fmt.Sprintf("Slow: factor %v is not between 0 and %v", factor, float64(maxFactor))
	}
	return a
}

// Errors makes a share of the calls of instances fail once they are done, from 0
// to 1.
func Errors(service string, share float64, instances ...int) Action {
	a := each(fmt.Sprintf("%g %% errors", 100*share), service, instances, func(i *Instance) { i.set(func(s *condition) { s.errors = share }) })
	if !(share >= 0 && share <= 1) {
		a.fault = fmt.Sprintf("Errors: share %v is not between 0 and 1", share)
	}
	return a
}

// AnswerWith makes instances answer everything with err after so long, without a
// worker; a nil err makes them work again.
func AnswerWith(service string, err error, after time.Duration, instances ...int) Action {
	text := "works again"
	if err != nil {
		text = "answers " + err.Error()
	}
	a := each(text, service, instances, func(i *Instance) {
		i.set(func(s *condition) { s.answer, s.after = err, after })
	})
	if after < 0 {
		a.fault = fmt.Sprintf("Answer: after %s is negative", after)
	}
	return a
}

// Kill ends instances at once: what they work on is lost, and connections are
// refused. The registry lists them until World.Expiry is over.
func Kill(service string, instances ...int) Action {
	return each("killed", service, instances, (*Instance).kill)
}

// Restart starts instances that were killed, at their old addresses.
func Restart(service string, instances ...int) Action {
	return each("restarted", service, instances, (*Instance).restart)
}

// Hang lets nothing through to instances any more: packets go into a black hole,
// and callers hear nothing.
func Hang(service string, instances ...int) Action {
	return each("black-holed", service, instances, func(i *Instance) { i.set(func(s *condition) { s.hangs = true }) })
}

// Pause stops instances for so long, as a garbage collector or a lack of CPU does:
// they take calls in, and go on with all of them afterwards.
func Pause(service string, length time.Duration, instances ...int) Action {
	a := each(fmt.Sprintf("paused for %s", length), service, instances, func(i *Instance) {
		i.set(func(s *condition) { s.paused = time.Now().Add(length) })
	})
	if length < 0 {
		a.fault = fmt.Sprintf("Pause: %s is negative", length)
	}
	return a
}

// Heal undoes Slow, Errors, AnswerWith and Hang.
func Heal(service string, instances ...int) Action {
	return each("healed", service, instances, (*Instance).heal)
}

// Partition cuts the instances of a service off from the callers of that name, a
// client or a service, until Join.
func Partition(from, service string, instances ...int) Action {
	a := each("cut off from "+from, service, instances, func(i *Instance) {
		i.set(func(s *condition) { s.cut = append(slices.Clone(s.cut), from) })
	})
	a.from = from
	return a
}

// HealPartition undoes Partition.
func HealPartition(from, service string, instances ...int) Action {
	a := each("joined with "+from, service, instances, func(i *Instance) {
		i.set(func(s *condition) {
			s.cut = slices.DeleteFunc(slices.Clone(s.cut), func(name string) bool { return name == from })
		})
	})
	a.from = from
	return a
}

// Deploy replaces all instances that there are, one after the other and pause
// apart: a new one starts and registers; then an old one deregisters, answers for
// as long as its Config.DrainDelay, finishes its work, and is gone. The new ones
// have the next numbers.
func Deploy(service string, pause time.Duration) Action {
	a := Action{text: "deployed", service: service, begin: func(r *run) {
		r.busy.Go(func() { r.deploy(service, pause) })
	}}
	a.more = func(instances int) int { return instances }
	if pause < 0 {
		a.fault = fmt.Sprintf("Deploy: pause %s is negative", pause)
	}
	return a
}

// Add starts so many further instances, which have the next numbers.
func Add(service string, n int) Action {
	a := Action{text: fmt.Sprintf("%d more", n), service: service, begin: func(r *run) {
		for range n {
			r.busy.Go(r.start(r.services[service]).register)
		}
	}}
	a.more = func(int) int { return n }
	if n < 1 || n > maxInstances {
		a.fault = fmt.Sprintf("Add: %d instances are not between 1 and %d", n, maxInstances)
	}
	return a
}

// Load changes the Rate of a client, in calls per second.
func Load(client string, rate float64) Action {
	a := Action{text: fmt.Sprintf("%g calls/s", rate), client: client, begin: func(r *run) { r.rate(client, rate) }}
	if !(rate >= 0 && rate <= maxRate) {
		a.fault = fmt.Sprintf("Load: rate %v is not between 0 and %v", rate, float64(maxRate))
	}
	return a
}

// RegistryDown makes the registry answer nobody. Instances can neither register
// nor deregister, but expire.
func RegistryDown() Action {
	return Action{text: "registry down", begin: func(r *run) { r.names.set(true) }}
}

// RegistryUp undoes RegistryDown.
func RegistryUp() Action {
	return Action{text: "registry up", begin: func(r *run) { r.names.set(false) }}
}

// each is an action on some instances of a service, or all.
func each(text, service string, instances []int, do func(i *Instance)) Action {
	return Action{text: text, service: service, instances: instances, begin: func(r *run) {
		for n, i := range r.services[service].all() {
			if len(instances) == 0 || slices.Contains(instances, n) {
				do(i)
			}
		}
	}}
}

// String is what the chart says of it.
func (a Action) String() string { return strings.TrimSpace(a.subject() + " " + a.text) }

// subject is who it happens to.
func (a Action) subject() string {
	if len(a.instances) == 0 {
		return a.service + a.client
	}
	return a.service + strings.ReplaceAll(fmt.Sprint(a.instances), " ", ",")
}

// deploy replaces the instances that a service has now.
func (r *run) deploy(name string, pause time.Duration) {
	s := r.services[name]
	for _, old := range s.all() {
		if !old.alive() {
			continue
		}
		r.start(s).register()
		old.retire()
		time.Sleep(pause)
	}
}

// rate changes what a client offers.
func (r *run) rate(client string, rate float64) {
	for _, l := range r.loads {
		if l.Client.Name == client {
			l.change(rate)
		}
	}
}
