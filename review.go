package sinew

import (
	"fmt"
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
