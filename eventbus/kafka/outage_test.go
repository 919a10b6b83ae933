package kafka_test

import (
	"testing"
	"time"

	"github.com/sinew-go/sinew/internal/brokertest"
	"github.com/sinew-go/sinew/internal/realserver"
)

// clockDifference is more than the clocks of brokers and members may differ.
const clockDifference = 4 * time.Second

// testOutage kills the broker and restarts it, with buses from before and from meanwhile.
// Topic late has an event since old.
func testOutage(t *testing.T, server *realserver.Server, old time.Time) {
	before := open(t, server.Addr)
	shared, own := brokertest.Collect(t, before, "killed", "g"), brokertest.Collect(t, before, "killed", "")
	stop := brokertest.PublishUnderLoad(t, before, "killed")
	<-time.After(time.Until(old.Add(clockDifference)))
	server.Kill()

	meanwhile := open(t, server.Addr)
	lateShared, lateOwn := brokertest.Collect(t, meanwhile, "late", "g"), brokertest.Collect(t, meanwhile, "late", "")
	fresh := brokertest.Collect(t, meanwhile, "new", "g")
	server.Start()

	t.Run("what is published while the broker is killed and restarted is handled", func(t *testing.T) {
		brokertest.Publish(t, before, "killed", "after")
		accepted := append(stop(), "after")
		brokertest.Expect(t, own, accepted...)
		brokertest.Expect(t, shared, accepted...)
	})
	t.Run("a bus and subscriptions that start without a broker work when it starts", func(t *testing.T) {
		brokertest.Publish(t, meanwhile, "late", "new")
		brokertest.Publish(t, meanwhile, "new", "first")
		brokertest.Expect(t, fresh, "first")
		for _, seen := range []<-chan string{lateShared, lateOwn} {
			if got := <-seen; got != "new" {
				t.Errorf("got %s, which was there before the group", got)
			}
		}
	})
}

func TestAMemberWhoseProcessIsKilledLosesNoEventOfAFakeCluster(t *testing.T) {
	address := fake(t)[0]
	brokertest.Crash(t, address, open(t, address))
}
