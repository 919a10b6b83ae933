package kafka

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// watcher records how the last attempt to connect ended, and logs each outage once.
type watcher struct {
	log *slog.Logger

	mu     sync.Mutex // also while it logs, so that it does not after the bus is closed
	last   error      // nil if the last attempt succeeded
	closed bool
}

var _ kgo.HookBrokerConnect = (*watcher)(nil)

// OnBrokerConnect implements kgo.HookBrokerConnect.
func (w *watcher) OnBrokerConnect(broker kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) {
		return // the bus did not wait
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	was := w.last
	w.last = err
	address := net.JoinHostPort(broker.Host, portText(broker.Port))
	switch {
	case err != nil && was == nil:
		w.log.Warn("kafka is away", "broker", address, "error", err)
	case err == nil && was != nil:
		w.log.Info("kafka is back", "broker", address)
	}
}

// failure returns the error of the last attempt to connect.
func (w *watcher) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// close ends the watch: nothing is logged after it.
func (w *watcher) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
}
