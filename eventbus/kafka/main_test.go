package kafka_test

import (
	"testing"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/kafka"
	"github.com/sinew-go/sinew/internal/brokertest"
)

func TestMain(m *testing.M) {
	brokertest.Main(m, func(address string) (eventbus.Bus, error) {
		return kafka.New(kafka.Config{Brokers: []string{address}, SessionTimeout: shortSession})
	})
}
