package sinew

import (
	"fmt"
	"math"
	"slices"
)

// rules are what [ClientPolicy.Review] looks for. Each gets a policy as it was
// given, so that nobody is told of a default that is merely idle, and as it is in
// force. A rule with nothing to say gives the zero Warning.
var rules = []func(given, full ClientPolicy) Warning{
	attemptsThatDoNotFit, waitsThatDoNotFit, retriesOfNothing, hedgesThatNeverBegin, hedgesBeyondTheBudget,
	slowCallsThatNeverAre, probesThatPileUp, countsOfNothing, callsThatOpenTheBreaker, repeatsWithoutBound, nothingThatKeepsOff,
}

func attemptsThatDoNotFit(_, full ClientPolicy) (d Warning) {
	if fitting := full.fitting(); fitting < full.Retry.Attempts {
		d.Settings = []string{"retry.attempts", "retry.backoff", "timeout"}
		d.Problem = fmt.Sprintf("with %s or more between two attempts %d of %d begin within %s", full.Retry.Backoff, fitting, full.Retry.Attempts, full.Timeout)
		d.Advice = "lower retry.backoff or retry.attempts, or raise timeout"
	}
	return d
}

func waitsThatDoNotFit(given, full ClientPolicy) (d Warning) {
	if longest := given.Retry.MaxBackoff; full.Retry.Attempts > 1 && longest >= full.Timeout {
		d.Settings = []string{"retry.max_backoff", "timeout"}
		d.Problem = fmt.Sprintf("no wait of %s ends within %s", longest, full.Timeout)
		d.Advice = "lower retry.max_backoff, or raise timeout"
	}
	return d
}

func retriesOfNothing(given, full ClientPolicy) (d Warning) {
	r := given.Retry
	if full.Retry.Attempts != 1 || r.Disabled {
		return d
	}
	for name, set := range map[string]bool{
		"retry.backoff": r.Backoff > 0, "retry.max_backoff": r.MaxBackoff > 0,
		"retry.budget": r.Budget.Percent > 0 || r.Budget.PerSecond > 0,
	} {
		if set {
			d.Settings = append(d.Settings, name)
		}
	}
	if len(d.Settings) == 0 {
		return d
	}
	slices.Sort(d.Settings)
	d.Settings = append(d.Settings, "retry.attempts")
	d.Problem = "with 1 attempt nothing is repeated"
	d.Advice = "raise retry.attempts, or leave the rest out"
	return d
}

func hedgesThatNeverBegin(_, full ClientPolicy) (d Warning) {
	h := full.Retry.Hedge
	switch {
	case h.Percent == 0:
	case full.Retry.Attempts == 1:
		d.Settings = []string{"retry.hedge.percent", "retry.attempts"}
		d.Problem = "a hedge is a second attempt, and 1 is allowed"
		d.Advice = "raise retry.attempts, or leave retry.hedge out"
	case h.After >= full.Timeout:
		d.Settings = []string{"retry.hedge.after", "timeout"}
		d.Problem = fmt.Sprintf("no call lasts the %s after which it is hedged: it is over after %s", h.After, full.Timeout)
		d.Advice = "lower retry.hedge.after, or leave it out"
	}
	return d
}

func hedgesBeyondTheBudget(_, full ClientPolicy) (d Warning) {
	if h, b := full.Retry.Hedge, full.Retry.Budget; h.Percent > b.Percent && !b.Disabled {
		d.Settings = []string{"retry.hedge.percent", "retry.budget.percent"}
		d.Problem = fmt.Sprintf("hedges are within the budget, which is %d %% and not %d %%", b.Percent, h.Percent)
		d.Advice = "lower retry.hedge.percent: 2 does most of what hedging can"
	}
	return d
}

func slowCallsThatNeverAre(given, full ClientPolicy) (d Warning) {
	b := given.Breaker
	if b.Disabled || b.SlowCall == 0 && b.SlowPercent == 0 || full.Breaker.SlowCall < full.Timeout {
		return d
	}
	d.Settings = []string{"breaker.slow_call", "timeout"}
	if b.SlowCall == 0 {
		d.Settings[0] = "breaker.slow_percent"
	}
	d.Problem = fmt.Sprintf("no call lasts the %s that make it slow: it is over after %s", full.Breaker.SlowCall, full.Timeout)
	d.Advice = "lower breaker.slow_call"
	return d
}

func probesThatPileUp(given, full ClientPolicy) (d Warning) {
	if lease := given.Breaker.ProbeLease; lease > 0 && lease < full.Timeout && !given.Breaker.Disabled {
		atOnce := full.Breaker.MaxRequests * int((full.Timeout+lease-1)/lease)
		d.Settings = []string{"breaker.probe_lease", "timeout"}
		d.Problem = fmt.Sprintf("a probe that hangs is given up after %s and goes on for %s: %d are under way at once, not %d", lease, full.Timeout, atOnce, full.Breaker.MaxRequests)
		d.Advice = "raise breaker.probe_lease to the timeout, or leave it out"
	}
	return d
}

func countsOfNothing(given, _ ClientPolicy) (d Warning) {
	if b := given.Breaker; b.FailureThreshold > 0 && b.MinCalls > 0 && !b.Disabled {
		d.Settings = []string{"breaker.min_calls", "breaker.failure_threshold"}
		d.Problem = fmt.Sprintf("%s in a row open the breaker, however many calls there were", count(b.FailureThreshold, "failure"))
		d.Advice = "leave out the one or the other"
	}
	return d
}

func callsThatOpenTheBreaker(_, full ClientPolicy) (d Warning) {
	b, attempts := full.Breaker, full.Retry.Attempts
	needed, setting := b.MinCalls, "breaker.min_calls"
	if b.FailureThreshold > 0 {
		needed, setting = b.FailureThreshold, "breaker.failure_threshold"
	}
	if attempts > 1 && needed <= attempts && !b.Disabled {
		d.Settings = []string{setting, "retry.attempts"}
		d.Problem = fmt.Sprintf("one call that fails makes up to %d attempts, and %s that failed open the breaker for all", attempts, count(needed, "attempt"))
		d.Advice = "raise " + setting + " over retry.attempts"
	}
	return d
}

func repeatsWithoutBound(_, full ClientPolicy) (d Warning) {
	const tiers = 3
	if n := full.Retry.Attempts; full.Retry.Budget.Disabled && n >= 3 {
		d.Settings = []string{"retry.budget.disabled", "retry.attempts"}
		d.Problem = fmt.Sprintf("in an outage every call makes %d attempts, and %.4g at the bottom of %d tiers that do not tell each other of repeats", n, math.Pow(float64(n), tiers), tiers)
		d.Advice = "leave the budget on: it does not bound repeats while failures are few"
	}
	return d
}

func nothingThatKeepsOff(_, full ClientPolicy) (d Warning) {
	if full.Breaker.Disabled && full.Balance.Ejection.Disabled {
		d.Settings = []string{"breaker.disabled", "balance.ejection.disabled"}
		d.Problem = "instances that fail get as many calls as before"
		d.Advice = "leave one of them on"
	}
	return d
}
