package sinew

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew/internal/duration"
)

// Report is what a [ClientPolicy] amounts to.
type Report struct {
	// Attempts are made of one call at most.
	Attempts int `json:"attempts"`
	// Latency is the longest that a call takes: its timeout. Without that, one
	// that is never answered would take for ever.
	Latency time.Duration `json:"latency"`
	// Waiting is how long the waits between the attempts are altogether at most,
	// where no answer asks for longer ones: without the timeout, a call whose
	// attempts fail at once would take that long.
	Waiting time.Duration `json:"waiting"`
	// Warnings are the combinations of settings that do not do what they say, or
	// that an outage makes worse.
	Warnings []Warning `json:"warnings,omitempty"`
}

// Warning is a combination of settings that is valid and surely not meant.
type Warning struct {
	// Settings are the names of the settings as in JSON: "retry.backoff".
	Settings []string `json:"settings"`
	// Problem says what is wrong, Advice what to do.
	Problem string `json:"problem"`
	Advice  string `json:"advice"`
}

// Review reports what the policy amounts to, its defaults filled in. It refuses
// nothing: a [Service] logs the warnings about a policy that it is given and uses it
// as it is, and a test may go further:
//
//	for _, warning := range policy.Review().Warnings {
//		t.Error(warning)
//	}
//
// Of a policy that does not validate it reports that alone.
func (p ClientPolicy) Review() Report {
	if err := p.Validate(); err != nil {
		return Report{Warnings: []Warning{{Problem: strings.ReplaceAll(err.Error(), "\n", "; "), Advice: "correct it"}}}
	}
	full := p.WithDefaults()
	report := Report{Latency: full.Timeout}
	report.Attempts, report.Waiting = p.Retry.WorstCase()
	report.Attempts = min(report.Attempts, full.sequentialAttempts()+full.parallelAttempts())
	for _, rule := range rules {
		if warning := rule(p, full); warning.Problem != "" {
			report.Warnings = append(report.Warnings, warning)
		}
	}
	return report
}

// String is the report in sentences.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "A call takes at most %s and makes at most %s", r.Latency, count(r.Attempts, "attempt"))
	b.WriteString(". Without the timeout")
	if r.Attempts > 1 {
		fmt.Fprintf(&b, " one that fails at once would take up to %s, and", r.Waiting)
	}
	b.WriteString(" one that is never answered would take for ever.")
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "\n%s.", warning)
	}
	return b.String()
}

// MarshalJSON writes durations as "1s".
func (r Report) MarshalJSON() ([]byte, error) { return duration.Marshal(r) }

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Report) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, r) }

// String is the warning as a sentence without its full stop.
func (w Warning) String() string {
	text := w.Problem + "; " + w.Advice
	if len(w.Settings) > 0 {
		text = strings.Join(w.Settings, ", ") + ": " + text
	}
	return text
}

// sequentialAttempts returns how many attempts can start one after another before the
// timeout: between two of them lies at least the backoff.
func (p ClientPolicy) sequentialAttempts() int {
	return 1 + int((p.Timeout-1)/max(p.Retry.Backoff, 1))
}

// parallelAttempts returns how many attempts can start beside another one: a hedge of the
// first, or the one that joins a probe.
func (p ClientPolicy) parallelAttempts() int {
	if p.Retry.Hedge.Percent > 0 || !p.Balance.Probation.Disabled {
		return 1
	}
	return 0
}

// logWarnings logs the warnings about the policy of calls to a service.
func (s *Service) logWarnings(client string, p ClientPolicy) {
	for _, w := range p.Review().Warnings {
		s.config.Logger.Warn("the policy of a client has settings that are surely not meant", "service", s.name, "client", client,
			"settings", strings.Join(w.Settings, ", "), "problem", w.Problem, "advice", w.Advice)
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// rules are the checks of [ClientPolicy.Review]. Each gets the policy as given, to warn of
// no setting that nobody made, and with its defaults filled in. It returns the zero
// Warning if it finds nothing.
var rules = []func(given, full ClientPolicy) Warning{
	attemptsBeyondTimeout, backoffBeyondTimeout, retrySettingsUnused, hedgeNeverStarts, hedgeBeyondBudget,
	slowCallBeyondTimeout, probesOverlap, minCallsUnused, oneCallOpensBreaker, retriesUnbounded, nothingAvoidsFailures,
}

func attemptsBeyondTimeout(_, full ClientPolicy) (w Warning) {
	if sequential := full.sequentialAttempts(); sequential < full.Retry.Attempts {
		w.Settings = []string{"retry.attempts", "retry.backoff", "timeout"}
		w.Problem = fmt.Sprintf("with %s or more between two attempts %d of %d begin within %s", full.Retry.Backoff, sequential, full.Retry.Attempts, full.Timeout)
		w.Advice = "lower retry.backoff or retry.attempts, or raise timeout"
	}
	return w
}

func backoffBeyondTimeout(given, full ClientPolicy) (w Warning) {
	if longest := given.Retry.MaxBackoff; full.Retry.Attempts > 1 && longest >= full.Timeout {
		w.Settings = []string{"retry.max_backoff", "timeout"}
		w.Problem = fmt.Sprintf("no wait of %s ends within %s", longest, full.Timeout)
		w.Advice = "lower retry.max_backoff, or raise timeout"
	}
	return w
}

func retrySettingsUnused(given, full ClientPolicy) (w Warning) {
	r := given.Retry
	if full.Retry.Attempts != 1 || r.Disabled {
		return w
	}
	for name, set := range map[string]bool{
		"retry.backoff": r.Backoff > 0, "retry.max_backoff": r.MaxBackoff > 0,
		"retry.budget": r.Budget.Percent > 0 || r.Budget.PerSecond > 0,
	} {
		if set {
			w.Settings = append(w.Settings, name)
		}
	}
	if len(w.Settings) == 0 {
		return w
	}
	slices.Sort(w.Settings)
	w.Settings = append(w.Settings, "retry.attempts")
	w.Problem = "with 1 attempt nothing is repeated"
	w.Advice = "raise retry.attempts, or leave the rest out"
	return w
}

func hedgeNeverStarts(_, full ClientPolicy) (w Warning) {
	h := full.Retry.Hedge
	switch {
	case h.Percent == 0:
	case full.Retry.Attempts == 1:
		w.Settings = []string{"retry.hedge.percent", "retry.attempts"}
		w.Problem = "a hedge is a second attempt, and 1 is allowed"
		w.Advice = "raise retry.attempts, or leave retry.hedge out"
	case h.After >= full.Timeout:
		w.Settings = []string{"retry.hedge.after", "timeout"}
		w.Problem = fmt.Sprintf("no call lasts the %s after which it is hedged: it is over after %s", h.After, full.Timeout)
		w.Advice = "lower retry.hedge.after, or leave it out"
	}
	return w
}

func hedgeBeyondBudget(_, full ClientPolicy) (w Warning) {
	if h, b := full.Retry.Hedge, full.Retry.Budget; h.Percent > b.Percent && !b.Disabled {
		w.Settings = []string{"retry.hedge.percent", "retry.budget.percent"}
		w.Problem = fmt.Sprintf("hedges are within the budget, which is %d %% and not %d %%", b.Percent, h.Percent)
		w.Advice = "lower retry.hedge.percent: 2 does most of what hedging can"
	}
	return w
}

func slowCallBeyondTimeout(given, full ClientPolicy) (w Warning) {
	b := given.Breaker
	if b.Disabled || b.SlowCall == 0 && b.SlowPercent == 0 || full.Breaker.SlowCall < full.Timeout {
		return w
	}
	w.Settings = []string{"breaker.slow_call", "timeout"}
	if b.SlowCall == 0 {
		w.Settings[0] = "breaker.slow_percent"
	}
	w.Problem = fmt.Sprintf("no call lasts the %s that make it slow: it is over after %s", full.Breaker.SlowCall, full.Timeout)
	w.Advice = "lower breaker.slow_call"
	return w
}

func probesOverlap(given, full ClientPolicy) (w Warning) {
	if lease := given.Breaker.ProbeLease; lease > 0 && lease < full.Timeout && !given.Breaker.Disabled {
		atOnce := full.Breaker.MaxRequests * int((full.Timeout+lease-1)/lease)
		w.Settings = []string{"breaker.probe_lease", "timeout"}
		w.Problem = fmt.Sprintf("a probe that hangs is given up after %s and goes on for %s: %d are under way at once, not %d", lease, full.Timeout, atOnce, full.Breaker.MaxRequests)
		w.Advice = "raise breaker.probe_lease to the timeout, or leave it out"
	}
	return w
}

func minCallsUnused(given, _ ClientPolicy) (w Warning) {
	if b := given.Breaker; b.FailureThreshold > 0 && b.MinCalls > 0 && !b.Disabled {
		w.Settings = []string{"breaker.min_calls", "breaker.failure_threshold"}
		w.Problem = fmt.Sprintf("%s in a row open the breaker, however many calls there were", count(b.FailureThreshold, "failure"))
		w.Advice = "leave out the one or the other"
	}
	return w
}

func oneCallOpensBreaker(_, full ClientPolicy) (w Warning) {
	b, attempts := full.Breaker, full.Retry.Attempts
	needed, setting := b.MinCalls, "breaker.min_calls"
	if b.FailureThreshold > 0 {
		needed, setting = b.FailureThreshold, "breaker.failure_threshold"
	}
	if attempts > 1 && needed <= attempts && !b.Disabled {
		w.Settings = []string{setting, "retry.attempts"}
		w.Problem = fmt.Sprintf("one call that fails makes up to %d attempts, and %s that failed open the breaker for all", attempts, count(needed, "attempt"))
		w.Advice = "raise " + setting + " over retry.attempts"
	}
	return w
}

func retriesUnbounded(_, full ClientPolicy) (w Warning) {
	const tiers = 3
	if n := full.Retry.Attempts; full.Retry.Budget.Disabled && n >= 3 {
		w.Settings = []string{"retry.budget.disabled", "retry.attempts"}
		w.Problem = fmt.Sprintf("in an outage every call makes %d attempts, and %.4g at the bottom of %d tiers that do not tell each other of repeats", n, math.Pow(float64(n), tiers), tiers)
		w.Advice = "leave the budget on: it does not bound repeats while failures are few"
	}
	return w
}

func nothingAvoidsFailures(_, full ClientPolicy) (w Warning) {
	if full.Breaker.Disabled && full.Balance.Ejection.Disabled {
		w.Settings = []string{"breaker.disabled", "balance.ejection.disabled"}
		w.Problem = "instances that fail get as many calls as before"
		w.Advice = "leave one of them on"
	}
	return w
}
