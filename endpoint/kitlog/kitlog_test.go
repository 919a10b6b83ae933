package kitlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"go.uber.org/goleak"

	"github.com/sinew-go/sinew/endpoint/kitlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// nested decodes a log line, with dotted keys as groups.
func nested(t *testing.T, line string) map[string]any {
	t.Helper()
	var flat map[string]any
	if err := json.Unmarshal([]byte(line), &flat); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	out := map[string]any{}
	for key, value := range flat {
		if key == "ts" {
			key = slog.TimeKey
		}
		into := out
		parts := strings.Split(key, ".")
		for _, group := range parts[:len(parts)-1] {
			inner, ok := into[group].(map[string]any)
			if !ok {
				inner = map[string]any{}
				into[group] = inner
			}
			into = inner
		}
		into[parts[len(parts)-1]] = value
	}
	return out
}

func TestHandlerKeepsSlogsRules(t *testing.T) {
	var buffer bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		buffer.Reset()
		return kitlog.Handler(log.NewJSONLogger(&buffer))
	}, func(t *testing.T) map[string]any { return nested(t, buffer.String()) })
}

func TestLevelsAreMappedInBothDirections(t *testing.T) {
	var buffer bytes.Buffer
	theirs := level.NewFilter(log.NewLogfmtLogger(&buffer), level.AllowWarn())
	ours := slog.New(kitlog.Handler(theirs))
	ours.Info("hidden")
	ours.Warn("seen", "n", 1)
	ours.Log(t.Context(), slog.LevelError+2, "worse")
	if got := buffer.String(); strings.Contains(got, "hidden") || !strings.Contains(got, `level=warn msg=seen n=1`) || !strings.Contains(got, "level=error msg=worse") {
		t.Error(got)
	}
	buffer.Reset()
	kit := kitlog.Logger(slog.New(slog.NewTextHandler(&buffer, &slog.HandlerOptions{Level: slog.LevelInfo})))
	_ = level.Debug(kit).Log("msg", "hidden")
	_ = level.Error(kit).Log("msg", "seen", "err", errors.New("broken"))
	_ = kit.Log("message", "plain")
	if got := buffer.String(); strings.Contains(got, "hidden") || !strings.Contains(got, "level=ERROR msg=seen err=broken") || !strings.Contains(got, "level=INFO msg=plain") {
		t.Error(got)
	}
}

func TestUnusualKeysAndValuesAreNotLost(t *testing.T) {
	var buffer bytes.Buffer
	kit := kitlog.Logger(slog.New(slog.NewJSONHandler(&buffer, nil)))
	kit = log.With(kit, "asked", log.Valuer(func() any { return 7 }))
	if err := kit.Log(3, "three", "msg", 5, "odd"); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(buffer.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["3"] != "three" || got["asked"] != 7.0 || fmt.Sprint(got["odd"]) != "(MISSING)" || !strings.Contains(buffer.String(), `"msg":5`) {
		t.Error(buffer.String())
	}
}

func TestHandlersOfOneParentDoNotShareAttributes(t *testing.T) {
	var buffer bytes.Buffer
	parent := kitlog.Handler(log.NewLogfmtLogger(log.NewSyncWriter(&buffer))).WithAttrs([]slog.Attr{slog.Int("a", 1)})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() { slog.New(parent).With("own", i).Info("x") })
	}
	all.Wait()
	for i := range 8 {
		if n := strings.Count(buffer.String(), fmt.Sprintf("a=1 own=%d\n", i)); n != 1 {
			t.Errorf("own=%d is there %d times", i, n)
		}
	}
}

func Example() {
	withoutTime := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	ours := slog.New(slog.NewTextHandler(os.Stdout, withoutTime))
	theirs := kitlog.Logger(ours)

	_ = level.Warn(theirs).Log("msg", "stock is low", "product", "p-1")
	// Output: level=WARN msg="stock is low" product=p-1
}

func ExampleHandler() {
	theirs := log.NewLogfmtLogger(os.Stdout)
	handler := kitlog.Handler(theirs).WithGroup("http")

	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "request", 0)
	r.Add("method", "GET")
	_ = handler.Handle(context.Background(), r)
	// Output: level=info msg=request http.method=GET
}
