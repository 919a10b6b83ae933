package sinew

import (
	"fmt"
	"math"
	"slices"
)

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
