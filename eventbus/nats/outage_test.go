package nats_test

import (
	"testing"

	"github.com/sinew-go/sinew/internal/brokertest"
	"github.com/sinew-go/sinew/internal/realserver"
)

func TestWhatIsPublishedWhileTheServerIsKilledAndRestartedIsHandled(t *testing.T) {
	server := realserver.NATS(t)
	b := open(t, server.Addr)
	shared, own := brokertest.Collect(t, b, "order.placed", "g"), brokertest.Collect(t, b, "order.placed", "")
	stop := brokertest.PublishUnderLoad(t, b, "order.placed")
	server.Kill()
	server.Start()
	brokertest.Publish(t, b, "order.placed", "after")
	accepted := append(stop(), "after")
	brokertest.Expect(t, shared, accepted...)
	brokertest.Expect(t, own, accepted...)
}

func TestAMemberWhoseProcessIsKilledLosesNoEvent(t *testing.T) {
	server := realserver.NATS(t)
	brokertest.Crash(t, server.Addr, open(t, server.Addr))
}
