package temporal_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/saga/temporal"
)

// patient is how long a test waits for what must happen.
const patient = 2 * time.Minute

// silent is a policy that logs nothing, and learns soon of what has died.
var silent = temporal.Policy{Lease: time.Second, Logger: slog.New(slog.DiscardHandler)}

// quietLogger is one for clients.
var noLog = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// dial returns a client of a namespace.
func dial(t testing.TB, address, namespace string) client.Client {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: address, Namespace: namespace, Logger: noLog})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// namespaces makes n namespaces, which no other test uses.
func namespaces(t testing.TB, address string, n int) (names []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	service := dial(t, address, "default").WorkflowService()
	for i := range n {
		name := fmt.Sprintf("space-%d", i)
		_, err := service.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	for _, name := range names { // it is known a moment later
		request := &workflowservice.ListWorkflowExecutionsRequest{Namespace: name}
		for _, err := service.ListWorkflowExecutions(ctx, request); err != nil; _, err = service.ListWorkflowExecutions(ctx, request) {
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				t.Fatalf("the namespace %s does not appear: %v", name, err)
			}
		}
	}
	return names
}

func serverOf(t testing.TB) *realserver.Server {
	t.Helper()
	return realserver.Temporal(t)
}
