package temporal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sinew-go/sinew/saga/temporal"
)

// patient is how long a test waits for what must happen.
const patient = 2 * time.Minute

// silent is a policy that logs nothing.
var silent = temporal.Policy{Worker: "tests", Logger: slog.New(slog.DiscardHandler)}

// noLog is the logger for clients.
var noLog = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// dial returns a client of a namespace.
func dial(t testing.TB, address, namespace string) client.Client {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: address, Namespace: namespace, Identity: "tests", Logger: noLog})
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
		names = append(names, fmt.Sprintf("space-%d", i))
		eventually(ctx, t, "the namespace is made", func() bool {
			_, err := service.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{Namespace: names[i], WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
			return err == nil || errors.As(err, new(*serviceerror.NamespaceAlreadyExists)) // Temporal limits how many are made in a second
		})
	}
	for _, name := range names {
		eventually(ctx, t, "the namespace appears", func() bool {
			_, err := service.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: name})
			return err == nil
		})
	}
	return names
}

// eventually waits until something is so.
func eventually(ctx context.Context, t testing.TB, what string, is func() bool) {
	t.Helper()
	for !is() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
