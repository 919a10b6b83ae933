package eventbus

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// RedriveGroup is the group of [Redrive] on a broker: it remembers which dead letters were
// brought back.
const RedriveGroup = "redrive"

// redriveIdle is how long Redrive waits for a dead letter that the bus has counted, as
// another Redrive may have it.
const redriveIdle = 10 * time.Second

// Redriven says what [Redrive] did.
type Redriven struct {
	// Published is the number of events that were published to the topics they came from.
	Published int
	// Left is the number of dead letters for a later call.
	Left int
}

// Redrive brings dead letters back: it publishes them to the topics that they came from,
// and returns when all have been published that were there when it began. With functions,
// only those dead letters are brought back for which one of them returns true, by the
// extensions [DeadTopic], [DeadGroup], [DeadReason] or [Event.Redrives]; the others stay.
//
// An event that is brought back goes to every group, but a handler of [Topic] gets it only
// if its group is the one that put the event aside. Each dead letter is brought back once,
// unless the process dies meanwhile: then it may be brought back twice, and [Dedupe] takes
// it for the same event. An event that fails again is a dead letter again, which the same
// call does not bring back.
//
// The bus must be a [Replayer], else Redrive is fault.Unimplemented. A dead letter is lost
// when the broker's retention ends. A [Memory] bus stores the last 1000 of a topic, and
// leaves those whose topic nobody subscribes to.
func Redrive(ctx context.Context, bus Bus, topic string, which ...func(letter Event) bool) (Redriven, error) {
	r := &redrive{bus: bus, topic: topic, which: which, run: newID()}
	switch b := bus.(type) {
	case interface {
		redrive(context.Context, *redrive) error
	}:
		err := b.redrive(ctx, r)
		return r.done(), err
	case Replayer:
		return r.replay(ctx, b)
	}
	return Redriven{}, fault.Unimplemented.Errorf("topic %s: a %T does not store dead letters for Redrive; publish them to their %s yourself", topic, bus, DeadTopic)
}

// Redrive is the function [Redrive] for the dead letters of this topic whose data is a T.
// With functions, only those are brought back for which one of them returns true.
func (t Topic[T]) Redrive(ctx context.Context, bus Bus, topic string, which ...func(v T, letter Event) bool) (Redriven, error) {
	return Redrive(ctx, bus, topic, func(letter Event) bool {
		if letter.Extensions[DeadTopic] != t.Name {
			return false
		}
		v, err := t.decode(&letter)
		return err == nil && (len(which) == 0 || slices.ContainsFunc(which, func(f func(T, Event) bool) bool { return f(v, letter) }))
	})
}

// Redrives is how often [Redrive] has brought the event back.
func (e Event) Redrives() int {
	n, err := strconv.Atoi(e.Extensions[DeadRedrives])
	if err != nil {
		return 0
	}
	return n
}

// isDeadLetter reports whether an event of the topic is a dead letter of another topic.
func (e *Event) isDeadLetter(topic string) bool {
	from := e.Extensions[DeadTopic]
	return from != "" && from != topic
}

// isForOtherGroup reports whether an event of the topic was brought back for another group.
func (e *Event) isForOtherGroup(topic, group string) bool {
	if len(e.Extensions) == 0 || e.Extensions[DeadTopic] != topic {
		return false
	}
	of, known := e.Extensions[DeadGroup]
	return known && of != group
}

// redrive is one call of Redrive.
type redrive struct {
	bus   Publisher
	topic string
	which []func(Event) bool
	run   string

	published, left atomic.Int64
}

func (r *redrive) done() Redriven {
	return Redriven{Published: int(r.published.Load()), Left: int(r.left.Load())}
}

func (r *redrive) isWanted(letter Event) bool {
	return len(r.which) == 0 || slices.ContainsFunc(r.which, func(is func(Event) bool) bool { return is(letter) })
}

// bringBack publishes the event of a dead letter. Its ID is that of the dead letter, so that
// a broker that knows IDs stores it once.
func (r *redrive) bringBack(ctx context.Context, letter Event) error {
	again := letter.WithExtension(DeadRedrives, strconv.Itoa(letter.Redrives()+1)).WithExtension(deadRun, r.run)
	if err := r.bus.Publish(ctx, letter.Extensions[DeadTopic], again); err != nil {
		return err
	}
	r.published.Add(1)
	return nil
}

// redrive brings back what the bus has stored.
func (b *Memory) redrive(ctx context.Context, r *redrive) error {
	for _, letter := range b.letters.all(r.topic) {
		if !b.hasGroups(letter.Extensions[DeadTopic]) || !r.isWanted(letter) {
			r.left.Add(1)
			continue
		}
		if !b.letters.remove(r.topic, letter.ID) {
			continue // another call has it
		}
		if err := r.bringBack(ctx, letter); err != nil {
			b.letters.add(r.topic, letter)
			return err
		}
	}
	return nil
}
