package idempotency

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"
)

// runningClaim is a claim of a run that goes on.
type runningClaim struct {
	key, claim string
	until      time.Time
}

func TestMemoryStoreStaysConsistentAndLosesNoClaim(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			dice, s := rand.New(rand.NewPCG(seed, 1)), NewMemory()
			answer := make([]byte, 4<<20)
			var running []runningClaim
			for range 5000 {
				switch n := dice.IntN(10); {
				case n < 5:
					key := fmt.Sprintf("%032d%032d", dice.IntN(6), dice.IntN(500))
					claim, _, _ := s.Claim(t.Context(), key, nil, time.Minute)
					if claim != "" {
						running = append(running, runningClaim{key, claim, time.Now().Add(time.Minute)})
					}
				case n < 9 && len(running) > 0:
					i := dice.IntN(len(running))
					r := running[i]
					running = append(running[:i], running[i+1:]...)
					switch dice.IntN(4) {
					case 0:
						_ = s.Release(t.Context(), r.key, r.claim)
					default:
						_ = s.Answer(t.Context(), r.key, r.claim, answer[:dice.IntN(len(answer))], time.Duration(dice.IntN(600))*time.Second)
					}
				case n == 9:
					bubble.Sleep(time.Duration(dice.IntN(3000)) * time.Millisecond)
				}
				s.addsUp(t)
			}
			for _, r := range running {
				if k := s.keys[r.key]; time.Now().Before(r.until) && (k == nil || k.claim != r.claim) {
					t.Errorf("seed %d: the claim of %s is lost", seed, r.key)
				}
			}
		})
		if t.Failed() {
			return
		}
	}
}

// addsUp fails unless the store's indexes and sums agree.
func (s *Memory) addsUp(t *testing.T) {
	t.Helper()
	bytes, answers := 0, 0
	for name, of := range s.scopes {
		sum := 0
		for i, k := range of.answers.items {
			if sum += len(k.answer); k.scopeIndex != i || s.keys[k.key] != k || scopeOf(k.key) != name || !k.answered {
				t.Fatalf("%s is not where it should be in its scope", k.key)
			}
		}
		if of.bytes != sum || s.byWeight.items[of.index] != of || len(of.answers.items) == 0 || of.weight() > s.byWeight.items[0].weight() {
			t.Fatalf("scope %s is %+v and holds %d bytes", name, of, sum)
		}
		bytes, answers = bytes+sum, answers+len(of.answers.items)
	}
	answered := 0
	for i, k := range s.byExpiry.items {
		if k.expiryIndex != i || s.keys[k.key] != k || k.expiresAt.Before(s.byExpiry.items[0].expiresAt) {
			t.Fatalf("%s is not where it should be", k.key)
		}
		if k.answered {
			answered++
		}
	}
	if bytes != s.bytes || bytes > maxMemoryBytes || answers != answered || len(s.byExpiry.items) != len(s.keys) || len(s.byWeight.items) != len(s.scopes) {
		t.Fatalf("%d bytes of %d answers; it thinks %d of %d, %d keys of %d", bytes, answers, s.bytes, answered, len(s.byExpiry.items), len(s.keys))
	}
}
