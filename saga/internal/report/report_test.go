package report_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sinew-go/sinew/saga/internal/flow"
	"github.com/sinew-go/sinew/saga/internal/report"
)

func Example() {
	metrics := report.NewMetrics("checkout")
	entry := flow.Entry{Step: "pay", What: flow.StepParked, Attempt: 5, Error: "unavailable: down"}
	metrics.Count(entry)
	fmt.Println(testutil.ToFloat64(metrics.Steps.WithLabelValues("pay", "parked")))

	withoutTime := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}}
	report.Log(context.Background(), slog.New(slog.NewTextHandler(os.Stdout, withoutTime)), "checkout", "o-7", entry)
	// Output:
	// 1
	// level=ERROR saga=checkout run=o-7 step=pay what=parked undo=false attempt=5 error="unavailable: down"
}

func TestStepsThatGoWellAreLoggedAtDebugOnly(t *testing.T) {
	for what, want := range map[flow.What]string{flow.StepDone: "DEBUG", flow.StepRepeated: "WARN", flow.RunUndone: "INFO", flow.StepParked: "ERROR"} {
		var text strings.Builder
		logger := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
		report.Log(t.Context(), logger, "checkout", "o-7", flow.Entry{What: what})
		if !strings.Contains(text.String(), "level="+want) {
			t.Errorf("%s is logged as %q, want level %s", what, text.String(), want)
		}
	}
}
