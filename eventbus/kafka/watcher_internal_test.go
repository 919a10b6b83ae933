package kafka

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestABusThatIsClosedLogsNothing(t *testing.T) {
	var log bytes.Buffer
	bus, err := New(Config{Brokers: []string{"127.0.0.1:1"}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	bus.watcher.OnBrokerConnect(kgo.BrokerMetadata{}, 0, nil, errors.New("refused")) // as the client does late
	if log.Len() > 0 {
		t.Errorf("it logged %s", &log)
	}
}
