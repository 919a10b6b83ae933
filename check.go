package sinew

import (
	"fmt"
	"strings"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/internal/duration"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/retry"
)

// Findings is what a [ClientPolicy] amounts to.
type Findings struct {
	// Attempts are made of one call at most.
	Attempts int `json:"attempts"`
	// Latency is the longest that a call takes: its timeout. Without that, one
	// that is never answered would take for ever.
	Latency time.Duration `json:"latency"`
	// Waiting is how long the waits between the attempts are altogether at most,
	// where no answer asks for longer ones: without the timeout, a call whose
	// attempts fail at once would take that long.
	Waiting time.Duration `json:"waiting"`
	// Doubts are the combinations of settings that do not do what they say, or
	// that an outage makes worse.
	Doubts []Doubt `json:"doubts,omitempty"`
}

// Doubt is a combination of settings that is valid and surely not meant.
type Doubt struct {
	// Settings are the names of the settings as in JSON: "retry.backoff".
	Settings []string `json:"settings"`
	// Problem says what is wrong, Advice what to do.
	Problem string `json:"problem"`
	Advice  string `json:"advice"`
}

// Check reports what the policy amounts to, its defaults filled in. It refuses
// nothing: a [Service] logs the doubts about a policy that it is given and uses it
// as it is, and a test may go further:
//
//	for _, doubt := range policy.Check().Doubts {
//		t.Error(doubt)
//	}
//
// Of a policy that does not validate it reports that alone.
func (p ClientPolicy) Check() Findings {
	if err := p.Validate(); err != nil {
		return Findings{Doubts: []Doubt{{Problem: strings.ReplaceAll(err.Error(), "\n", "; "), Advice: "correct it"}}}
	}
	full := p.withDefaults()
	found := Findings{Latency: full.Timeout}
	found.Attempts, found.Waiting = p.Retry.Most()
	found.Attempts = min(found.Attempts, full.fitting()+full.beside())
	for _, rule := range rules {
		if doubt := rule(p, full); doubt.Problem != "" {
			found.Doubts = append(found.Doubts, doubt)
		}
	}
	return found
}

// String is the findings in sentences.
func (f Findings) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "A call takes at most %s and makes at most %s", f.Latency, count(f.Attempts, "attempt"))
	b.WriteString(". Without the timeout")
	if f.Attempts > 1 {
		fmt.Fprintf(&b, " one that fails at once would take up to %s, and", f.Waiting)
	}
	b.WriteString(" one that is never answered would take for ever.")
	for _, doubt := range f.Doubts {
		fmt.Fprintf(&b, "\n%s.", doubt)
	}
	return b.String()
}

// MarshalJSON writes durations as "1s".
func (f Findings) MarshalJSON() ([]byte, error) { return duration.Marshal(f) }

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Findings) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, f) }

// String is the doubt as a sentence without its full stop.
func (d Doubt) String() string {
	text := d.Problem + "; " + d.Advice
	if len(d.Settings) > 0 {
		text = strings.Join(d.Settings, ", ") + ": " + text
	}
	return text
}

// withDefaults is the policy, which is valid, as it is in force.
func (p ClientPolicy) withDefaults() ClientPolicy {
	if p.Timeout == 0 {
		p.Timeout = defaultCallTimeout
	}
	p.Retry = retry.New("", p.Retry).Snapshot().Policy
	p.Breaker = breaker.New("", p.Breaker).Policy()
	p.Balance = loadbalance.New("", p.Balance).Snapshot().Policy
	return p
}

// fitting is how many attempts one after another can begin before the timeout:
// between two there is the backoff at least.
func (p ClientPolicy) fitting() int {
	return 1 + int((p.Timeout-1)/max(p.Retry.Backoff, 1))
}

// beside is how many attempts can begin beside another one: a hedge of the first,
// or the one that joins a probe.
func (p ClientPolicy) beside() int {
	if p.Retry.Hedge.Percent > 0 || !p.Balance.Probation.Disabled {
		return 1
	}
	return 0
}

// doubt logs the doubts about the policy of calls to a service.
func (s *Service) doubt(client string, p ClientPolicy) {
	for _, d := range p.Check().Doubts {
		s.config.Logger.Warn("the policy of a client is doubtful", "service", s.name, "client", client,
			"settings", strings.Join(d.Settings, ", "), "problem", d.Problem, "advice", d.Advice)
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
