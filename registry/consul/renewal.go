package consul

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/registry"
)

// renewalsPerTTL is how often an instance is renewed within one TTL.
const renewalsPerTTL = 3

// registration is an ID that is registered here, or is being registered. Its fields
// belong to the holder of writeToken.
type registration struct {
	writeToken chan struct{} // one slot; who fills it may write for the ID
	live       bool
	instance   registry.Instance // the desired state in Consul
	stop       chan struct{}     // closed to end the renewals
	done       chan struct{}     // closed when they have ended
}

// stopRenewing ends the renewals. The caller holds writeToken, so none is running.
func (reg *registration) stopRenewing() {
	if !reg.live {
		return
	}
	reg.live = false
	close(reg.stop)
	<-reg.done
}

// startRenewing starts the renewals of a registration, unless they run already.
func (r *Registry) startRenewing(reg *registration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if reg.live || r.closed {
		return
	}
	reg.live, reg.stop, reg.done = true, make(chan struct{}), make(chan struct{})
	stop, done := reg.stop, reg.done
	r.renewLoops.Go(func() {
		defer close(done)
		r.renewLoop(reg, stop)
	})
}

// renewLoop renews the registration until stop or the registry is closed.
func (r *Registry) renewLoop(reg *registration, stop <-chan struct{}) {
	every := r.config.TTL / renewalsPerTTL
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
		case <-r.ctx.Done():
			timer.Stop()
			return
		}
		select {
		case reg.writeToken <- struct{}{}:
		case <-stop:
			return
		case <-r.ctx.Done():
			return
		}
		err := r.renewOnce(reg.instance)
		id, service := reg.instance.ID, reg.instance.Name
		<-reg.writeToken
		if ok := err == nil; ok == failing && r.ctx.Err() == nil {
			failing, pause = !ok, 0
			if ok {
				r.log.Info("renewed in Consul again", "service", service, "instance", id)
			} else {
				r.log.Warn("cannot renew in Consul; trying again", "service", service, "instance", id, "error", err)
			}
		}
	}
}

// renewOnce renews the instance, and registers it again if Consul lost it.
func (r *Registry) renewOnce(i registry.Instance) error {
	ctx, cancel := context.WithTimeout(r.ctx, writeTimeout)
	defer cancel()
	err := r.renew(ctx, i)
	switch {
	case err == nil:
		return nil
	case !isUnknown(err):
		return r.fault(r.ctx, err, "renew instance "+i.ID)
	}
	if err := r.write(ctx, i); err != nil {
		return err
	}
	r.log.Info("Consul had lost an instance; it is registered again", "service", i.Name, "instance", i.ID)
	return nil
}
