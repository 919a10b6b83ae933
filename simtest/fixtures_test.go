package simtest_test

import (
	"context"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/simtest"
)

// plain is a client with round robin and no other policy, so that a test of the simulator
// sees only the simulator's own effects.
func plain(services ...string) sinew.Config {
	p := sinew.ClientPolicy{
		Retry:   retry.Policy{Disabled: true},
		Limit:   limit.Adaptive{Disabled: true},
		Breaker: breaker.Policy{Disabled: true},
		Balance: loadbalance.Policy{
			Algorithm: loadbalance.RoundRobin,
			Ejection:  loadbalance.Ejection{Disabled: true},
			Probation: loadbalance.Probation{Disabled: true},
			SlowStart: loadbalance.SlowStart{Disabled: true},
		},
	}
	all := map[string]sinew.ClientPolicy{}
	for _, name := range services {
		all[name] = p
	}
	return sinew.Config{Clients: all}
}

var op = call.Operation{Name: "call", Safe: true}

func nothing(context.Context, *simtest.Instance) error { return nil }
