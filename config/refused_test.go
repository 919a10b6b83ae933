package config_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

// logbook records what slog.Default() logs during a test.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logbook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *logbook) count(part string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), part)
}

func (b *logbook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func logged(t *testing.T) *logbook {
	t.Helper()
	b, before := &logbook{}, slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(b, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return b
}

func TestARefusedReloadIsOneWarningAndIsReported(t *testing.T) {
	path, log := filepath.Join(t.TempDir(), "a.yaml"), logged(t)
	write(t, path, "addr: one\n")
	synctest.Test(t, func(t *testing.T) {
		v, err := config.Load(defaults(), config.File(path))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = v.Close() }()
		var refusals []error
		stop := v.OnRefused(func(err error) {
			if v.Err() == nil {
				t.Error("Err does not say it yet")
			}
			refusals = append(refusals, err)
		})
		wait := func() {
			bubble.Sleep(5 * time.Second)
			synctest.Wait()
		}
		for i, step := range []struct {
			content         string
			warnings, again int
		}{
			{"addr: [hunter2]\n", 1, 0},
			{"addr: [hunter2]\n", 1, 0},
			{"adrr: hunter2\n", 2, 0},
			{"addr: two\n", 2, 1},
			{"addr: three\n", 2, 1},
			{"http: {port: 666}\n", 3, 1},
			{"addr: four\n", 3, 2},
		} {
			write(t, path, step.content)
			wait()
			_ = v.Reload(t.Context())
			if n := log.count("level=WARN"); n != step.warnings || len(refusals) != n {
				t.Errorf("step %d: %d warnings, told %d times: %s", i, n, len(refusals), log)
			}
			if n := log.count("level=INFO"); n != step.again {
				t.Errorf("step %d: %d times accepted again: %s", i, n, log)
			}
		}
		if !errors.Is(refusals[0], fault.InvalidArgument) || !strings.Contains(refusals[1].Error(), `"adrr"`) || !errors.Is(refusals[2], errPort) {
			t.Errorf("told %v", refusals)
		}
		if strings.Contains(log.String(), "hunter2") {
			t.Errorf("the log shows a value: %s", log)
		}
		stop()
		write(t, path, "adrr: x\n")
		wait()
		if len(refusals) != 3 {
			t.Error("told after stop")
		}
	})
}

// unreachableStore is a store that cannot be reached, with another error text each time.
type unreachableStore struct {
	config.Store
	n  *atomic.Int32
	ok *atomic.Bool
}

func (a unreachableStore) List(ctx context.Context, service, environment string) ([]config.Configuration, error) {
	if a.ok.Load() {
		return a.Store.List(ctx, service, environment)
	}
	return nil, fault.Unavailable.Errorf("read tcp 127.0.0.1:%d: connection reset", a.n.Add(1))
}

func TestAStoreThatStaysAwayIsReportedOnceWhateverElseIsRefused(t *testing.T) {
	log, path := logged(t), fileSource(t, "a.yaml", "addr: one\n")
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		var ok atomic.Bool
		ok.Store(true)
		v, err := config.Load(defaults(), config.File(path), config.FromStore(unreachableStore{config.NewMemory(config.MemoryPolicy{}), &n, &ok}, "orders", ""))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = v.Close() }()
		synctest.Wait()
		minute := func(warnings int) {
			t.Helper()
			bubble.Sleep(time.Minute)
			synctest.Wait()
			if got := log.count("level=WARN"); got != warnings || log.count("level=INFO") != 0 {
				t.Errorf("%d warnings, want %d: %s", got, warnings, log)
			}
		}
		write(t, path, "adrr: one\n")
		minute(1)
		ok.Store(false)
		minute(2)
		write(t, path, "addr: two\n") // the store is still unreachable
		minute(2)
		write(t, path, "adrr: two\n")
		minute(3)
	})
}

func TestAStoreThatStaysAwayIsReportedOnce(t *testing.T) {
	log := logged(t)
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		var ok atomic.Bool
		ok.Store(true)
		v, err := config.Load(defaults(), config.FromStore(unreachableStore{config.NewMemory(config.MemoryPolicy{}), &n, &ok}, "orders", ""))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = v.Close() }()
		synctest.Wait()
		ok.Store(false)
		bubble.Sleep(time.Minute)
		synctest.Wait()
		if n.Load() < 5 || log.count("level=WARN") != 1 || log.count("level=INFO") != 0 {
			t.Errorf("%d times away: %s", n.Load(), log)
		}
		ok.Store(true)
		bubble.Sleep(time.Minute)
		synctest.Wait()
		if v.Err() != nil || log.count("level=WARN") != 1 || log.count("level=INFO") != 1 {
			t.Errorf("back: %s", log)
		}
	})
}

func TestAValuePrintsNoSettings(t *testing.T) {
	type open struct {
		Password string         `json:"password"`
		Hidden   config.Secret  `json:"hidden"`
		Any      any            `json:"any"`
		Map      map[string]any `json:"map"`
	}
	t.Setenv("OPEN_PASSWORD", "hunter2")
	t.Setenv("OPEN_HIDDEN", "hunter2")
	t.Setenv("OPEN_ANY", `["hunter2"]`)
	t.Setenv("OPEN_MAP", `{"a":"hunter2"}`)
	v, err := config.Load(open{}, config.Env("OPEN"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.Close() }()
	var log bytes.Buffer
	for _, shown := range []any{v, struct{ V any }{v}, struct{ v *config.Value[open] }{v}, []any{v}, map[string]any{"v": v}, fmt.Errorf("%v", v)} {
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", shown)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", shown)
		data, _ := json.Marshal(shown)
		text := fmt.Sprintf("%v|%+v|%#v|%s|%q|%x|%d", shown, shown, shown, shown, shown, shown, shown) + string(data) + log.String()
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("%T shows in %s", shown, text)
		}
	}
	if got := fmt.Sprintln(v); got != v.String()+"\n" || !strings.Contains(got, "config.Value[") {
		t.Error(got)
	}
}

type talkative struct {
	Trap  panickingType `json:"trap"`
	Trial quotingType   `json:"trial"`
}

// quotingType quotes what it cannot decode.
type quotingType struct{ A, B any }

func (r *quotingType) UnmarshalJSON(data []byte) error {
	var read map[string]any
	if err := json.Unmarshal(data, &read); err != nil || read["a"] != nil && read["b"] != nil {
		return fmt.Errorf("cannot read %s", data)
	}
	return nil
}

func TestSecretsOfTheStoreShowInNoError(t *testing.T) {
	store := config.NewMemory(config.MemoryPolicy{Key: config.NewSecretKey()})
	set := func(key string, value any) {
		t.Helper()
		if _, err := store.Set(t.Context(), config.Configuration{Service: "orders", Key: key, Value: value, Encrypted: true}); err != nil {
			t.Fatal(err)
		}
	}
	set("trap", "hunter2")
	_, err := config.Load(talkative{}, config.FromStore(store, "orders", ""))
	if err == nil {
		t.Error("a panic is lost")
	}
	checkError(t, err)
	if err := store.Delete(t.Context(), "orders", "", "trap"); err != nil {
		t.Fatal(err)
	}
	set("trial", map[string]any{"a": "hunter2"}) // accepted until the file adds to it
	path := fileSource(t, "a.json", `{"trial":{"b":1}}`)
	_, err = config.Load(talkative{}, config.File(path), config.FromStore(store, "orders", ""))
	if err == nil {
		t.Error("both together are read")
	}
	checkError(t, err)
}

func TestErrorsOfYAMLShowNoValue(t *testing.T) {
	for _, content := range []string{
		"http: {port: !!int hunter2}\n", "http: {ratio: !!float hunter2}\n", "since: !!timestamp hunter2\n", "http: {tls: !!bool hunter2}\n",
		"password: !!int \"hunter2`hunter2`\"\n", "any: !!null hunter2\n", "hunter2", "- hunter2\n", "password: !!binary hunter2~\n", "password: \"hunter2\n",
		"password: *hunter2\n", "any: &hunter2 [*hunter2]\n", "any: &hunter2 {a: *hunter2}\n",
	} {
		_, err := load(t, config.File(fileSource(t, "a.yaml", content)))
		checkError(t, err)
	}
}
