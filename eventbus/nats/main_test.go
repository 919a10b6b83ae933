package nats_test

import (
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/nats"
	"github.com/sinew-go/sinew/internal/brokertest"
)

func TestMain(m *testing.M) {
	brokertest.Main(m, func(url string) (eventbus.Bus, error) {
		return nats.New(nats.Config{URL: url, AckWait: 2 * time.Second})
	})
}
