package simtest

import (
	"testing"

	"github.com/sinew-go/sinew"
)

func TestSeedsAreSetWhereTheUserSetNone(t *testing.T) {
	type inner struct{ Seed uint64 }
	var policy struct {
		Seed   uint64
		Inner  inner
		Other  inner
		Hedge  struct{ Deeper inner }
		hidden inner
		Text   string
	}
	policy.Other.Seed = 5
	seed(&policy, 7)
	if policy.Seed != 7 || policy.Inner.Seed != 7 || policy.Other.Seed != 5 || policy.Hedge.Deeper.Seed != 7 || policy.hidden.Seed != 0 {
		t.Errorf("%+v", policy)
	}
	var one inner
	if seed(&one, 0); one.Seed == 0 {
		t.Error("a seed of 0 is none")
	}
	var client sinew.ClientPolicy
	if seed(&client, 3); client.Validate() != nil {
		t.Error(client.Validate())
	}
}
