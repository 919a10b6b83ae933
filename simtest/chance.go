package simtest

import (
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/sinew-go/sinew/internal/rng"
)

// random returns a separate random source for each part of a run.
func random(seed uint64, part string) *rand.Rand {
	return rand.New(rand.NewPCG(seed, hash(part))) //nolint:gosec // a simulation must be repeatable
}

func hash(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // never fails
	return h.Sum64()
}

// jitter is from 0 to below most. It depends on the moment and on the caller's salt, not
// on the order of calls. So many goroutines that wake at one moment continue at different
// moments, and at the same ones in every run of the seed.
func (r *run) jitter(salt uint64, most time.Duration) time.Duration {
	const golden = 0x9E3779B97F4A7C15
	return time.Duration(rng.SplitMix64((r.Seed^salt)+uint64(r.now())*golden) % uint64(most))
}

// seed sets every zero field Seed in a policy, a pointer to a struct, and in the policies
// inside it.
func seed(policy any, with uint64) { seedAll(reflect.ValueOf(policy).Elem(), max(with, 1)) }

func seedAll(v reflect.Value, with uint64) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		f, structField := v.Field(i), v.Type().Field(i)
		if structField.Name == "Seed" && f.Kind() == reflect.Uint64 && f.IsZero() {
			f.SetUint(with)
		}
		if structField.IsExported() {
			seedAll(f, with)
		}
	}
}
