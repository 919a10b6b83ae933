package consul

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/registry"
)

// beatsPerTTL is how often an instance is renewed in the time that it lives
// without.
const beatsPerTTL = 3

// registration is an id that is, or is being, registered here. Its fields
// belong to whoever holds writing.
type registration struct {
	writing  chan struct{} // holds one token: the right to write for the id
	live     bool
	instance registry.Instance // what Consul shall have
	stop     chan struct{}     // closed to end the keeper
	done     chan struct{}     // closed by the keeper
}

// endKeeper ends the renewals. Its caller holds writing, so none is going on.
func (g *registration) endKeeper() {
	if !g.live {
		return
	}
	g.live = false
	close(g.stop)
	<-g.done
}

// keep begins the renewals of a registration, if they have not begun.
func (r *Registry) keep(g *registration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g.live || r.closed {
		return
	}
	g.live, g.stop, g.done = true, make(chan struct{}), make(chan struct{})
	stop, done := g.stop, g.done
	r.keepers.Go(func() {
		defer close(done)
		r.beat(g, stop)
	})
}

// beat renews the registration until stop is closed or the registry is.
func (r *Registry) beat(g *registration, stop <-chan struct{}) {
	every := r.config.TTL / beatsPerTTL
	again := backoff.Policy{Min: every / 10, Max: every}
	pause, failing := time.Duration(0), false
	for {
		wait := every - every/10 + rand.N(every/10)
		if failing {
			pause = again.Next(pause)
			wait = pause
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-stop:
			timer.Stop()
			return
		case <-r.alive.Done():
			timer.Stop()
			return
		}
		select {
		case g.writing <- struct{}{}:
		case <-stop:
			return
		case <-r.alive.Done():
			return
		}
		err := r.once(g.instance)
		id, service := g.instance.ID, g.instance.Name
		<-g.writing
		if ok := err == nil; ok == failing && r.alive.Err() == nil {
			failing, pause = !ok, 0
			if ok {
				r.log.Info("renewed in Consul again", "service", service, "instance", id)
			} else {
				r.log.Warn("cannot renew in Consul; trying again", "service", service, "instance", id, "error", err)
			}
		}
	}
}

// once renews the instance, and registers it again where Consul lost it.
func (r *Registry) once(i registry.Instance) error {
	ctx, cancel := context.WithTimeout(r.alive, writeTimeout)
	defer cancel()
	err := r.renew(ctx, i)
	switch {
	case err == nil:
		return nil
	case !unknown(err):
		return r.fault(r.alive, err, "renew instance "+i.ID)
	}
	if err := r.write(ctx, i); err != nil {
		return err
	}
	r.log.Info("Consul had lost an instance; it is registered again", "service", i.Name, "instance", i.ID)
	return nil
}
