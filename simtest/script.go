package simtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Event is an action at a moment of a run. Create it with [At]. Run refuses a World with
// an Event whose service, instance or client does not exist, or whose number is out of
// its range.
type Event struct {
	at   time.Duration
	what Action
}

// At returns the event that what happens when moment has passed since the start of the
// run.
func At(moment time.Duration, what Action) Event { return Event{moment, what} }

// Action is something that can happen in a run. Functions that accept instances number
// them from 0; the action applies to all instances of the service if none is given.
type Action struct {
	text      string
	service   string
	instances []int
	client    string // the client whose load changes
	from      string // the caller that is partitioned
	added     func(instances int) int
	apply     func(r *run)
	fault     string
}

// Slow multiplies the original latency of instances by factor; 1 restores it.
func Slow(service string, factor float64, instances ...int) Action {
	a := onInstances(fmt.Sprintf("slow ×%g", factor), service, instances, func(i *Instance) { i.set(func(s *condition) { s.slow = factor }) })
	if !(factor >= 0 && factor <= maxFactor) {
		a.fault = fmt.Sprintf("Slow: factor %v is not between 0 and %v", factor, float64(maxFactor))
	}
	return a
}

// Errors makes this share of the instances' calls, from 0 to 1, fail after their work.
func Errors(service string, share float64, instances ...int) Action {
	a := onInstances(fmt.Sprintf("%g %% errors", 100*share), service, instances, func(i *Instance) { i.set(func(s *condition) { s.errors = share }) })
	if !(share >= 0 && share <= 1) {
		a.fault = fmt.Sprintf("Errors: share %v is not between 0 and 1", share)
	}
	return a
}

// AnswerWith makes instances answer every call with err after this time, without a
// worker. A nil err makes them work again.
func AnswerWith(service string, err error, after time.Duration, instances ...int) Action {
	text := "works again"
	if err != nil {
		text = "answers " + err.Error()
	}
	a := onInstances(text, service, instances, func(i *Instance) {
		i.set(func(s *condition) { s.answer, s.after = err, after })
	})
	if after < 0 {
		a.fault = fmt.Sprintf("AnswerWith: after %s is negative", after)
	}
	return a
}

// Kill ends instances at once: their work is lost, and connections are refused. The
// registry lists them until World.Expiry has passed.
func Kill(service string, instances ...int) Action {
	return onInstances("killed", service, instances, (*Instance).kill)
}

// Restart starts killed instances again, at their old addresses.
func Restart(service string, instances ...int) Action {
	return onInstances("restarted", service, instances, (*Instance).restart)
}

// Hang drops all packets to instances, as a black hole: callers get no answer.
func Hang(service string, instances ...int) Action {
	return onInstances("black-holed", service, instances, func(i *Instance) { i.set(func(s *condition) { s.hangs = true }) })
}

// Pause stops instances for this time, as a garbage collection or a lack of CPU does:
// they accept calls, and continue with all of them afterwards.
func Pause(service string, length time.Duration, instances ...int) Action {
	a := onInstances(fmt.Sprintf("paused for %s", length), service, instances, func(i *Instance) {
		i.set(func(s *condition) { s.paused = time.Now().Add(length) })
	})
	if length < 0 {
		a.fault = fmt.Sprintf("Pause: %s is negative", length)
	}
	return a
}

// Heal undoes [Slow], [Errors], [AnswerWith] and [Hang]. It also ends a [Pause], except
// for the calls that wait for its end already.
func Heal(service string, instances ...int) Action {
	return onInstances("healed", service, instances, (*Instance).heal)
}

// Partition separates instances of a service from the callers of the name from, which is
// a client or a service, until [HealPartition]. Other callers still reach them.
func Partition(from, service string, instances ...int) Action {
	a := onInstances("cut off from "+from, service, instances, func(i *Instance) {
		i.set(func(s *condition) { s.partitionedFrom = append(slices.Clone(s.partitionedFrom), from) })
	})
	a.from = from
	return a
}

// HealPartition undoes [Partition].
func HealPartition(from, service string, instances ...int) Action {
	a := onInstances("joined with "+from, service, instances, func(i *Instance) {
		i.set(func(s *condition) {
			s.partitionedFrom = slices.DeleteFunc(slices.Clone(s.partitionedFrom), func(name string) bool { return name == from })
		})
	})
	a.from = from
	return a
}

// Deploy replaces all existing instances one after the other, with this pause between
// them. A new instance starts and registers. Then an old one deregisters, answers for its
// Config.DrainDelay (1 s if that is zero), finishes its work, and ends. The new instances
// have the next numbers.
func Deploy(service string, pause time.Duration) Action {
	a := Action{text: "deployed", service: service, apply: func(r *run) {
		r.tasks.Go(func() { r.deploy(service, pause) })
	}}
	a.added = func(instances int) int { return instances }
	if pause < 0 {
		a.fault = fmt.Sprintf("Deploy: pause %s is negative", pause)
	}
	return a
}

// Add starts n further instances, which have the next numbers.
func Add(service string, n int) Action {
	a := Action{text: fmt.Sprintf("%d more", n), service: service, apply: func(r *run) {
		for range n {
			r.tasks.Go(r.startInstance(r.services[service]).register)
		}
	}}
	a.added = func(int) int { return n }
	if n < 1 || n > maxInstances {
		a.fault = fmt.Sprintf("Add: %d instances are not between 1 and %d", n, maxInstances)
	}
	return a
}

// Load changes the Rate of a client to rate calls per second.
func Load(client string, rate float64) Action {
	a := Action{text: fmt.Sprintf("%g calls/s", rate), client: client, apply: func(r *run) { r.setRate(client, rate) }}
	if !(rate >= 0 && rate <= maxRate) {
		a.fault = fmt.Sprintf("Load: rate %v is not between 0 and %v", rate, float64(maxRate))
	}
	return a
}

// RegistryDown makes the registry unavailable. Instances can neither register nor
// deregister, but they still expire.
func RegistryDown() Action {
	return Action{text: "registry down", apply: func(r *run) { r.registry.set(true) }}
}

// RegistryUp undoes [RegistryDown].
func RegistryUp() Action {
	return Action{text: "registry up", apply: func(r *run) { r.registry.set(false) }}
}

// onInstances is an action on some instances of a service, or on all.
func onInstances(text, service string, instances []int, do func(i *Instance)) Action {
	return Action{text: text, service: service, instances: instances, apply: func(r *run) {
		for n, i := range r.services[service].all() {
			if len(instances) == 0 || slices.Contains(instances, n) {
				do(i)
			}
		}
	}}
}

// String returns the text of the action in the chart.
func (a Action) String() string { return strings.TrimSpace(a.subject() + " " + a.text) }

// subject is what the action applies to.
func (a Action) subject() string {
	if len(a.instances) == 0 {
		return a.service + a.client
	}
	return a.service + strings.ReplaceAll(fmt.Sprint(a.instances), " ", ",")
}

// deploy replaces the current instances of a service.
func (r *run) deploy(name string, pause time.Duration) {
	s := r.services[name]
	for _, old := range s.all() {
		if !old.alive() {
			continue
		}
		r.startInstance(s).register()
		old.retire()
		time.Sleep(pause)
	}
}

// setRate changes the rate of a client.
func (r *run) setRate(client string, rate float64) {
	for _, l := range r.loads {
		if l.Client.Name == client {
			l.setRate(rate)
		}
	}
}
