package loadbalance

import (
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Validate returns all errors of the policy joined, each as fault.InvalidArgument.
func (p Policy) Validate() error {
	var f faults
	if p.Algorithm != "" && !slices.Contains(algorithms, p.Algorithm) {
		f.add("algorithm: %q is unknown; there are %s", p.Algorithm, names(algorithms))
	}
	f.duration("decay", p.Decay)
	f.errs = append(f.errs, p.Ejection.Validate(), p.Probation.Validate(), p.SlowStart.Validate())
	return errors.Join(f.errs...)
}

// Validate returns all errors joined, each as fault.InvalidArgument.
func (e Ejection) Validate() error {
	var f faults
	f.count("ejection.failures", e.Failures)
	f.percent("ejection.gap", e.Gap)
	f.duration("ejection.window", e.Window)
	f.count("ejection.min_calls", e.MinCalls)
	f.duration("ejection.period", e.Period)
	f.percent("ejection.max_percent", e.MaxPercent)
	f.percent("ejection.panic_percent", e.PanicPercent)
	return errors.Join(f.errs...)
}

// Validate returns all errors joined, each as fault.InvalidArgument.
func (p Probation) Validate() error {
	var f faults
	if p.Factor != 0 && !(p.Factor > 1) || math.IsInf(p.Factor, 0) {
		f.add("probation.factor: %v is not above 1", p.Factor)
	}
	f.duration("probation.interval", p.Interval)
	f.count("probation.successes", p.Successes)
	f.duration("probation.timeout", p.Timeout)
	return errors.Join(f.errs...)
}

// Validate returns all errors joined, each as fault.InvalidArgument.
func (s SlowStart) Validate() error {
	var f faults
	f.duration("slow_start.window", s.Window)
	return errors.Join(f.errs...)
}

// faults collects errors that name the settings as in JSON.
type faults struct{ errs []error }

func (f *faults) add(format string, args ...any) {
	f.errs = append(f.errs, fault.InvalidArgument.Errorf(format, args...))
}

// maxDuration is more than any setting needs; beyond it sums of times overflow.
const maxDuration = 10 * 365 * 24 * time.Hour

func (f *faults) duration(setting string, d time.Duration) {
	switch {
	case d < 0:
		f.add("%s: %s is negative", setting, d)
	case d > maxDuration:
		f.add("%s: %s is over %s", setting, d, maxDuration)
	}
}

func (f *faults) count(setting string, n int) {
	switch {
	case n < 0:
		f.add("%s: %d is negative", setting, n)
	case n > math.MaxInt32:
		f.add("%s: %d is over %d", setting, n, math.MaxInt32)
	}
}

func (f *faults) percent(setting string, n int) {
	if n < 0 || n > 100 {
		f.add("%s: %d is not between 0 and 100", setting, n)
	}
}

func names(all []Algorithm) string {
	var s []string
	for _, a := range all {
		s = append(s, string(a))
	}
	return strings.Join(s, ", ")
}
