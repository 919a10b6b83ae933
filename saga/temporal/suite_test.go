package temporal_test

import (
	"testing"

	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/sagatest"
	"github.com/sinew-go/sinew/saga/temporal"
)

// rules is at least how many rules the suite has, each of which has a namespace.
const rules = 64

func TestOnTemporal(t *testing.T) {
	server := realserver.Temporal(t)
	free := namespaces(t, server.Addr, rules)
	t.Log("ready")
	sagatest.Run(t, sagatest.Features{RealTime: true}, func(t *testing.T) sagatest.Open {
		namespace := free[0]
		free = free[1:]
		c := dial(t, server.Addr, namespace)
		return func(d saga.Definition[sagatest.State]) saga.Runner[sagatest.State] {
			return temporal.New(d, c).With(silent)
		}
	})
}
