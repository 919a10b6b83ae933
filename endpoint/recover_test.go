package endpoint_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
)

func TestAPanicIsLoggedWithItsRequest(t *testing.T) {
	var text bytes.Buffer
	ep := endpoint.New(func(context.Context, int) (int, error) { panic("oops") }).With(endpoint.Recover(slog.New(slog.NewTextHandler(&text, nil))))
	ctx := call.With(t.Context(), call.Record{Operation: call.Operation{Name: "Place"}, RequestID: "r-1"})
	if _, err := ep(ctx, 1); err == nil || strings.Contains(err.Error(), "oops") {
		t.Errorf("%v", err)
	}
	for _, part := range []string{"operation=Place", "request_id=r-1", "panic=oops", "stack="} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("no %s in %s", part, &text)
		}
	}
}
