package registry

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/duration"
)

// ResolverPolicy is how a [Resolver] treats what the registry says. The zero
// policy is the recommended one.
type ResolverPolicy struct {
	// HoldBack is how long the registry must go on saying that instances are
	// gone, without failing meanwhile, before a removal that may be its own
	// trouble is believed; see [Resolver]. Zero is 10 s.
	HoldBack time.Duration `json:"hold_back" yaml:"hold_back"`
	// Disabled believes everything at once.
	Disabled bool `json:"disabled" yaml:"disabled"`
}

// MarshalJSON writes durations as "10s".
func (p ResolverPolicy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (p *ResolverPolicy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// Validate reports what is wrong with the policy, as fault.InvalidArgument.
func (p ResolverPolicy) Validate() error {
	if p.HoldBack < 0 {
		return fault.InvalidArgument.Errorf("hold_back: %s is negative", p.HoldBack)
	}
	return nil
}

const defaultHoldBack = 10 * time.Second

// Resolver keeps the healthy instances of services by watching a [Discoverer]:
// one shared watch per service, however many ask, from the first time it is
// asked for until Close. It is safe for concurrent use.
//
// It never takes an error for an empty list: while the registry is away it
// keeps what it had and says since when. New instances are handed out at once,
// and so is the loss of one or two, or of less than half. Two kinds of removal
// are held back, for as long as the policy's HoldBack, since they are a
// registry in trouble more often than a service:
//   - a list that is shorter by three or more, and by more than half;
//   - whatever is missing in the first answer after the registry was away: one
//     that was restarted hears of its instances only when they renew.
//
// An instance whose endpoint does not validate ([Instance.Validate]) is not handed
// out, whoever registered it; [Resolver.WaitReady] says so where there is no other.
//
// While something is held back, further removals wait with it, and an instance
// that is listed as healthy again is no longer missing. A failure of the
// registry meanwhile starts the wait anew.
type Resolver struct {
	source Discoverer
	hold   time.Duration
	ctx    context.Context
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	services map[string]*resolved
}

// ResolverSnapshot is what a [Resolver] knows of one service.
type ResolverSnapshot struct {
	// Instances are those handed out, sorted by id; read-only.
	Instances []Instance
	// Known says that the registry has answered at least once.
	Known bool
	// Held is how many of Instances the registry does not list as healthy any
	// more, and which are held back.
	Held int
	// Err is the registry's last error, nil while it answers, and Age is how
	// long ago it began to fail: how old the list is. Zero while it answers.
	Err error
	Age time.Duration
	// Stale says that Instances are not what the registry says now: it is away,
	// or a removal is held back.
	Stale bool
}

// NewResolver makes a resolver over d. Close it. It panics when d is nil, or the
// policy does not validate.
func NewResolver(d Discoverer, p ResolverPolicy) *Resolver {
	if absent.Is(d) {
		panic("registry.NewResolver: the discoverer is nil; give a registry, or registry.NewStatic")
	}
	if err := p.Validate(); err != nil {
		panic("registry.NewResolver: " + err.Error())
	}
	switch {
	case p.Disabled:
		p.HoldBack = 0
	case p.HoldBack == 0:
		p.HoldBack = defaultHoldBack
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Resolver{source: d, hold: p.HoldBack, ctx: ctx, cancel: cancel, services: map[string]*resolved{}}
}

// Subscribe calls f with the service's healthy instances: before it returns, if
// they are known, and then in a goroutine of its own with the newest list after
// each change, one call at a time. stop waits for a call that is going on, so f
// must not call it, nor Close.
func (r *Resolver) Subscribe(name string, f func([]Instance)) (stop func()) {
	s := r.service(name)
	now, changed := s.look()
	if now.known {
		f(now.list)
	}
	ctx, cancel := context.WithCancel(r.ctx)
	done := make(chan struct{})
	if !r.begin(func() { defer close(done); s.tell(ctx, changed, f) }) {
		close(done)
	}
	return func() {
		cancel()
		<-done
	}
}

// Snapshot is what is known of the service now.
func (r *Resolver) Snapshot(name string) ResolverSnapshot {
	now, _ := r.service(name).look()
	out := ResolverSnapshot{Instances: now.list, Known: now.known, Held: now.held, Err: now.err}
	out.Stale = now.err != nil || now.held > 0
	if now.err != nil {
		out.Age = time.Since(now.failing)
	}
	return out
}

// WaitReady waits until each of the services has a healthy instance. When ctx or
// the resolver ends first it is fault.Unavailable, saying which have none and
// why.
func (r *Resolver) WaitReady(ctx context.Context, names ...string) error {
	for _, name := range names {
		s := r.service(name)
		for now, changed := s.look(); len(now.list) == 0; now, changed = s.look() {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
			case <-r.ctx.Done():
			}
			return r.missing(names)
		}
	}
	return nil
}

// Close ends all watches and subscriptions and waits for them. What is known
// stays readable.
func (r *Resolver) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.all.Wait()
	return nil
}

// missing says which of the services have no instance, and why; nil when all
// have one by now.
func (r *Resolver) missing(names []string) error {
	var why []string
	reason := "no_instance"
	var cause error
	for _, name := range names {
		switch now, _ := r.service(name).look(); {
		case len(now.list) > 0:
		case now.known && now.unfit != nil:
			why = append(why, now.unfit.Error())
		case now.known:
			why = append(why, "no healthy instance of service "+name+" is registered")
		default:
			why = append(why, "the registry has not answered for service "+name)
			reason, cause = "registry_unreachable", now.err
		}
	}
	if len(why) == 0 {
		return nil
	}
	slices.Sort(why)
	return fault.Unavailable.Errorf("%s", strings.Join(slices.Compact(why), "; ")).
		WithReason(reason).WithUnprocessed().WithCause(cause)
}

func (r *Resolver) service(name string) *resolved {
	r.mu.Lock()
	s, ok := r.services[name]
	if !ok {
		s = &resolved{changed: make(chan struct{})}
		r.services[name] = s
	}
	r.mu.Unlock()
	if !ok {
		events := make(chan event)
		r.begin(func() { watch(r.ctx, r.source, name, events) })
		r.begin(func() { s.follow(r.ctx, events, r.hold) })
	}
	return s
}

// begin runs f in a goroutine that Close waits for, unless it is closed.
func (r *Resolver) begin(f func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.all.Go(f)
	}
	return !r.closed
}
