package registry

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/duration"
)

// ResolverPolicy configures how a [Resolver] treats removals. The zero policy is the
// recommended one.
type ResolverPolicy struct {
	// HoldBack is how long a removal is held back that [Resolver] describes as indicating a
	// problem of the registry: the registry must report it for that long without an error.
	// The default is 10 s.
	HoldBack time.Duration `json:"hold_back" yaml:"hold_back"`
	// Disabled accepts every removal immediately.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// MarshalJSON writes durations as strings such as "10s".
func (p ResolverPolicy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (p *ResolverPolicy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// Validate returns fault.InvalidArgument if the policy is not valid.
func (p ResolverPolicy) Validate() error {
	if p.HoldBack < 0 {
		return fault.InvalidArgument.Errorf("hold_back: %s is negative", p.HoldBack)
	}
	return nil
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. p must
// be valid.
func (p ResolverPolicy) WithDefaults() ResolverPolicy {
	p.HoldBack = cmp.Or(p.HoldBack, 10*time.Second)
	return p
}

// Resolver maintains the healthy instances of services by watching a [Discoverer]. All
// users of a service share one watch, which starts when Snapshot, Subscribe or WaitReady
// first names the service, and ends with Close. A Resolver is safe for concurrent use.
//
// An error is never treated as an empty list: while the registry cannot be reached, the
// Resolver keeps its last list, and its snapshot has the error and the age of the list. New
// instances are published immediately, and so is the removal of one or two instances, or
// of at most half of them. Two kinds of removal are held back for the HoldBack of the
// policy, because they indicate a problem of the registry more often than one of the
// service:
//   - the list is shorter by three or more instances, and by more than half;
//   - instances are missing in the first answer after an outage of the registry: after a
//     restart a registry does not know instances until they renew.
//
// An instance whose endpoint does not validate ([Instance.Validate]) is not published,
// whoever registered it. If there is no other instance, the error of [Resolver.WaitReady]
// says why the endpoint is not valid.
//
// While a removal is held back, further removals wait with it, and an instance that is
// listed as healthy again no longer counts as missing. If the registry fails meanwhile,
// the wait starts again.
type Resolver struct {
	source   Discoverer
	holdBack time.Duration
	ctx      context.Context
	cancel   context.CancelFunc
	all      sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	services map[string]*resolvedService
}

// ResolverSnapshot is the state of one service in a [Resolver].
type ResolverSnapshot struct {
	// Instances are the published instances, sorted by ID. They are read-only.
	Instances []Instance
	// Known reports whether the registry has answered at least once.
	Known bool
	// HeldBack is the number of Instances that the registry does not list as healthy, and
	// whose removal is held back.
	HeldBack int
	// Err is the registry's last error. Age is how long ago the registry began to fail,
	// which is the age of the list. Both are zero while the registry answers.
	Err error
	Age time.Duration
	// Stale reports whether Instances may differ from the registry: it cannot be reached,
	// or a removal is held back.
	Stale bool
}

// NewResolver returns a resolver that watches d. Its user must close it. NewResolver panics
// if d is nil or the policy is not valid.
func NewResolver(d Discoverer, p ResolverPolicy) *Resolver {
	if absent.Is(d) {
		panic("registry.NewResolver: the discoverer is nil; give a registry, or registry.NewStatic")
	}
	if err := p.Validate(); err != nil {
		panic("registry.NewResolver: " + err.Error())
	}
	p = p.WithDefaults()
	if p.Disabled {
		p.HoldBack = 0
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Resolver{source: d, holdBack: p.HoldBack, ctx: ctx, cancel: cancel, services: map[string]*resolvedService{}}
}

// Subscribe calls f with the published instances of a service, which f must not change. If
// the registry has answered before, Subscribe makes the first call itself, before it
// returns. After each change f is called with the newest list, one call at a time, in a
// goroutine of the Resolver. stop waits for a call that is running, and after it has
// returned f is not called any more. f must call neither stop nor Close.
func (r *Resolver) Subscribe(name string, f func([]Instance)) (stop func()) {
	s := r.service(name)
	now, changed := s.snapshot()
	if now.known {
		f(now.list)
	}
	ctx, cancel := context.WithCancel(r.ctx)
	done := make(chan struct{})
	if !r.spawn(func() { defer close(done); s.notify(ctx, changed, f) }) {
		close(done)
	}
	return func() {
		cancel()
		<-done
	}
}

// Snapshot returns the current state of the service. It does not wait for the registry.
func (r *Resolver) Snapshot(name string) ResolverSnapshot {
	now, _ := r.service(name).snapshot()
	out := ResolverSnapshot{Instances: now.list, Known: now.known, HeldBack: now.heldBack, Err: now.err}
	out.Stale = now.err != nil || now.heldBack > 0
	if now.err != nil {
		out.Age = time.Since(now.failingSince)
	}
	return out
}

// WaitReady waits until each of the services has a published instance. If ctx ends first,
// or the Resolver is closed, it returns fault.Unavailable, which names the services that
// have none, and why.
func (r *Resolver) WaitReady(ctx context.Context, names ...string) error {
	for _, name := range names {
		s := r.service(name)
		for now, changed := s.snapshot(); len(now.list) == 0; now, changed = s.snapshot() {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
			case <-r.ctx.Done():
			}
			return r.notReadyError(names)
		}
	}
	return nil
}

// Close ends all watches and subscriptions and waits for their end. It returns nil. After
// Close, Snapshot still returns the last state.
func (r *Resolver) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.all.Wait()
	return nil
}

// notReadyError returns which of the services have no instance, and why. It is nil if all
// have one by then.
func (r *Resolver) notReadyError(names []string) error {
	var why []string
	reason := fault.ReasonNoInstance
	var cause error
	for _, name := range names {
		switch now, _ := r.service(name).snapshot(); {
		case len(now.list) > 0:
		case now.known && now.unusable != nil:
			why = append(why, now.unusable.Error())
		case now.known:
			why = append(why, "no healthy instance of service "+name+" is registered")
		default:
			why = append(why, "the registry has not answered for service "+name)
			reason, cause = fault.ReasonRegistryUnreachable, now.err
		}
	}
	if len(why) == 0 {
		return nil
	}
	slices.Sort(why)
	return fault.Unavailable.Errorf("%s", strings.Join(slices.Compact(why), "; ")).
		WithReason(reason).WithUnprocessed().WithCause(cause)
}

func (r *Resolver) service(name string) *resolvedService {
	r.mu.Lock()
	s, ok := r.services[name]
	if !ok {
		s = &resolvedService{}
		r.services[name] = s
	}
	r.mu.Unlock()
	if !ok {
		events := make(chan event)
		r.spawn(func() { watch(r.ctx, r.source, name, events) })
		r.spawn(func() { s.follow(r.ctx, events, r.holdBack) })
	}
	return s
}

// spawn runs f in a goroutine that Close waits for. It is false if the resolver is
// closed.
func (r *Resolver) spawn(f func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.all.Go(f)
	}
	return !r.closed
}
