package nats_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
)

func TestPublishExplainsItsFailure(t *testing.T) {
	server := realserver.NATS(t)
	conn, err := natsgo.Connect(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, server.Addr)
	for _, c := range []struct {
		topic  string
		stream jetstream.StreamConfig // as an operator created it; empty if none did
		size   int
		code   fault.Code
		says   string
	}{
		{"large", jetstream.StreamConfig{}, 1 << 20, fault.InvalidArgument, "topic large: an event of 1048"},
		{"small", jetstream.StreamConfig{MaxMsgSize: 20}, 1, fault.InvalidArgument, "too large"},
		{"full", jetstream.StreamConfig{MaxBytes: 20, Discard: jetstream.DiscardNew}, 1, fault.ResourceExhausted, "limit"},
		{"sealed", jetstream.StreamConfig{Sealed: true}, 1, fault.FailedPrecondition, "refuses"},
		{"over", jetstream.StreamConfig{Name: "other", Subjects: []string{"sinew.over.>"}}, 1, fault.FailedPrecondition, "overlap"},
		{"elsewhere", jetstream.StreamConfig{Subjects: []string{"elsewhere"}}, 1, fault.Unavailable, "no stream stores it"},
	} {
		if made := c.stream; made.MaxMsgSize+int32(made.MaxBytes)+int32(len(made.Subjects)) > 0 || made.Sealed {
			if made.Name == "" {
				made.Name = "sinew_" + c.topic
			}
			if made.Subjects == nil {
				made.Subjects = []string{"sinew." + c.topic + ".*"}
			}
			made.Sealed = false // which a stream becomes later
			if _, err := js.CreateStream(t.Context(), made); err != nil {
				t.Fatal(err)
			}
			if made.Sealed = c.stream.Sealed; made.Sealed {
				if _, err := js.UpdateStream(t.Context(), made); err != nil {
					t.Fatal(err)
				}
			}
		}
		err := b.Publish(t.Context(), c.topic, eventbus.Event{DataContentType: "text/plain", Data: make([]byte, c.size)})
		if !errors.Is(err, c.code) || !strings.Contains(fmt.Sprint(err), c.says) || !strings.Contains(fmt.Sprint(err), c.topic) {
			t.Errorf("%s: %v, want %v", c.topic, err, c.code)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Publish(ctx, "t", eventbus.Event{}); !errors.Is(err, fault.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestAServerThatRefusesTheCredentialsIsTriedAgain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	asked := make(chan struct{}, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(conn, "INFO {\"server_id\":\"x\",\"version\":\"2.10.0\",\"auth_required\":true,\"max_payload\":1048576}\r\n")
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = fmt.Fprintf(conn, "-ERR 'Authorization Violation'\r\n")
			_ = conn.Close()
			asked <- struct{}{}
		}
	}()
	b := open(t, "nats://"+listener.Addr().String())
	for range 4 {
		select {
		case <-asked:
		case <-time.After(30 * time.Second):
			t.Fatal("given up")
		}
	}
	if err := b.Publish(t.Context(), "t", eventbus.Event{}); !errors.Is(err, fault.Unavailable) || !strings.Contains(fmt.Sprint(err), "topic t: nats refuses the credentials of Config.URL") {
		t.Error(err)
	}
}

func TestAServerThatIsTooOldIsRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveOld(conn)
		}
	}()
	b := open(t, "nats://"+listener.Addr().String())
	if err := b.Publish(t.Context(), "order.placed", eventbus.Event{}); !errors.Is(err, fault.FailedPrecondition) || !strings.Contains(fmt.Sprint(err), "topic order.placed: this is nats-server 2.1.9") {
		t.Error(err)
	}
	if err := b.PublishAt(t.Context(), "order.placed", time.Now().Add(time.Hour), eventbus.Event{}); !errors.Is(err, fault.FailedPrecondition) {
		t.Error(err)
	}
}

// serveOld answers as a server without headers does.
func serveOld(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprintf(conn, "INFO {\"server_id\":\"x\",\"version\":\"2.1.9\",\"max_payload\":1048576}\r\n")
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if lines.Text() == "PING" {
			_, _ = fmt.Fprintf(conn, "PONG\r\n")
		}
	}
}
