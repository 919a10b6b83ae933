package config_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

// ownLayer is a layer as another package would write it.
type ownLayer struct {
	mu      sync.Mutex
	entries []config.Entry
	err     error
	news    chan error
}

func newOwnLayer(entries ...config.Entry) *ownLayer {
	return &ownLayer{entries: entries, news: make(chan error)}
}

func (l *ownLayer) Read(context.Context) ([]config.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries, l.err
}

func (l *ownLayer) Watch(ctx context.Context, changed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-l.news:
			changed(err)
		}
	}
}

// set replaces what Read returns, and reports the change.
func (l *ownLayer) set(err error, entries ...config.Entry) {
	l.mu.Lock()
	l.entries, l.err = entries, err
	l.mu.Unlock()
	l.news <- nil
	synctest.Wait()
}

func entryOf(path string, value any) config.Entry {
	return config.Entry{Origin: "the vault's " + path, Path: path, Value: value}
}

func TestAnOwnLayerHasItsPlaceAmongTheOthers(t *testing.T) {
	file := config.File(fileSource(t, "a.yaml", "addr: file\nhttp: {port: 3}"))
	own := func() config.Layer {
		return newOwnLayer(entryOf("addr", "own"), entryOf("http", map[string]any{"port": 4, "tls": true}), entryOf("http.port", 5))
	}
	if got := mustLoad(t, file, own()).Get(); got.Addr != "own" || got.HTTP.Port != 5 || !got.HTTP.TLS {
		t.Errorf("over the file it gives %+v, want its own addr, port 5 and tls", got)
	}
	file = config.File(fileSource(t, "a.yaml", "addr: file\nhttp: {port: 3}"))
	if got := mustLoad(t, own(), file).Get(); got.Addr != "file" || got.HTTP.Port != 3 || !got.HTTP.TLS {
		t.Errorf("below the file it gives %+v, want addr and port of the file, and its own tls", got)
	}
}

func TestTheValuesOfAnOwnLayerMayBeOfAnyGoTypeThatJSONHas(t *testing.T) {
	got := mustLoad(t, newOwnLayer(
		entryOf("", map[string]any{
			"timeout": 3 * time.Second, "hosts": []string{"x", "y"}, "limits": map[string]uint8{"users": 7},
			"extra": struct {
				ID int32 `json:"id"`
			}{9},
		}),
		entryOf("http.ratio", float32(0.25)),
	)).Get()
	want := defaults()
	want.Timeout, want.Hosts, want.Extra, want.HTTP.Ratio = 3*time.Second, []string{"x", "y"}, &extra{9}, 0.25
	want.Limits = map[string]int{"orders": 1, "users": 7}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("got  %+v\nwant %+v", *got, want)
	}
}

func TestTextOfAnOwnLayerIsReadByTheTypeOfItsSetting(t *testing.T) {
	text := func(name, value string) config.Entry {
		return config.Entry{Origin: "parameter " + name, Path: name, Value: value, Text: true}
	}
	got := mustLoad(t, newOwnLayer(text("HTTP-max.conns", "9"), text("HTTP", `{"port":2}`), text("hosts", "a,b"), text("addr", "1"))).Get()
	if got.HTTP.MaxConns != 9 || got.HTTP.Port != 2 || fmt.Sprint(got.Hosts) != "[a b]" || got.Addr != "1" {
		t.Errorf("got %+v", got)
	}
	optional := text("other.program", "x")
	optional.Optional = true
	if _, err := load(t, newOwnLayer(optional)); err != nil {
		t.Errorf("an optional entry for no setting is refused: %v", err)
	}
	for _, c := range []struct {
		entries []config.Entry
		want    []string
	}{
		{[]config.Entry{text("other.program", "x")}, []string{"parameter other.program", `no setting is named "other.program"`}},
		{[]config.Entry{text("http.port", "1"), text("HTTP_PORT", "1")}, []string{"parameter HTTP_PORT", "parameter http.port sets key"}},
		{[]config.Entry{{Origin: "parameter x", Path: "http.port", Value: 1, Text: true}}, []string{"parameter x", "not a int"}},
	} {
		_, err := load(t, newOwnLayer(c.entries...))
		checkError(t, err, c.want...)
	}
}

func TestWhatAnOwnLayerReturnsWrongIsRefusedWithItsOrigin(t *testing.T) {
	cyclic := map[string]any{}
	cyclic["extra"] = cyclic
	for _, c := range []struct {
		entry config.Entry
		want  string
	}{
		{entryOf("adr", "hunter2"), `key "adr": no setting has this name`},
		{entryOf("http.port", "hunter2"), `key "http.port": a number is needed`},
		{entryOf("", "hunter2"), "an object with the names of settings is needed"},
		{entryOf("", cyclic), "nested more than 100 deep"},
		{entryOf("any", func() {}), "a func() cannot be written as JSON"},
		{entryOf("any", []config.Secret{config.NewSecret("hunter2")}), "give it an entry of its own"},
	} {
		_, err := load(t, newOwnLayer(c.entry))
		checkError(t, err, c.entry.Origin, c.want)
		if !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("the code of %v is %v, want InvalidArgument", err, fault.CodeOf(err))
		}
	}
}

func TestNoErrorQuotesASecretOfAnOwnLayer(t *testing.T) {
	secret := func(path string, value any) config.Entry {
		e := entryOf(path, value)
		e.Secret = true
		return e
	}
	for _, c := range []struct {
		name  string
		entry config.Entry
		want  string
	}{
		{"a key within a secret object", secret("http", map[string]any{"hunter2": 1}), `key "http": a part of the secret does not fit`},
		{"a key below the root", secret("", map[string]any{"http": map[string]any{"hunter2": 1}}), `key "http": a part of the secret does not fit`},
		{"a misspelt setting at the root", secret("", map[string]any{"adr": "hunter2"}), `key "adr": no setting has this name`},
		{"a Secret for another type", entryOf("http.port", config.NewSecret("hunter2")), `key "http.port"`},
		{"a Secret in an object", entryOf("http", map[string]any{"hunter2": 1, "port": config.NewSecret("hunter2")}), `key "http": a part of the secret`},
		{"a type that quotes", secret("retry.backoff", "hunter2"), `key "retry": its type refuses the secret`},
		{"text with a key twice", config.Entry{Origin: "x", Path: "limits", Value: `{"hunter2":1,"hunter2":2}`, Text: true, Secret: true}, `key "limits"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, newOwnLayer(c.entry))
			checkError(t, err, c.want)
		})
	}
	got := mustLoad(t, newOwnLayer(entryOf("password", config.NewSecret("hunter2")))).Get()
	if got.Password.Reveal() != "hunter2" {
		t.Error("a Secret does not arrive")
	}
}

func TestNullSetsNothing(t *testing.T) {
	got := mustLoad(t, newOwnLayer(entryOf("addr", "own")), newOwnLayer(entryOf("addr", nil))).Get()
	if got.Addr != "own" {
		t.Errorf("a null over it makes addr %q, want own", got.Addr)
	}
	store := config.NewMemory(config.MemoryPolicy{})
	if _, err := store.Set(t.Context(), config.Configuration{Service: "orders", Key: "addr", Type: config.JSON}); err != nil {
		t.Fatal(err)
	}
	got = mustLoad(t, newOwnLayer(entryOf("addr", "own")), config.FromStore(store, "orders", "")).Get()
	if got.Addr != "own" {
		t.Errorf("a null of a store over it makes addr %q, want own", got.Addr)
	}
}

func TestAnOwnLayerMayModifyWhatItHasReturned(t *testing.T) {
	object := map[string]any{"port": 4}
	v := mustLoad(t, newOwnLayer(entryOf("any", object), entryOf("http", object)))
	object["port"] = 5
	if got := v.Get(); got.HTTP.Port != 4 || fmt.Sprint(got.Any) != "map[port:4]" {
		t.Errorf("after its change the settings are %+v, want port 4", got)
	}
}

func TestAChangeOfAnOwnLayerIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layer := newOwnLayer(entryOf("addr", "one"))
		v, err := config.Load(defaults(), layer)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		layer.set(nil, entryOf("addr", "two"))
		if got := v.Get().Addr; got != "two" {
			t.Errorf("after a change addr is %s, want two", got)
		}
		gone := fault.Unavailable.Errorf("the vault is sealed")
		layer.set(gone)
		if got := v.Get().Addr; got != "two" || !errors.Is(v.Err(), gone) {
			t.Errorf("while Read fails addr is %s and Err %v, want the last good one and the error", got, v.Err())
		}
		layer.set(nil, entryOf("addr", "three"))
		if got := v.Get().Addr; got != "three" || v.Err() != nil {
			t.Errorf("afterwards addr is %s and Err %v, want three and none", got, v.Err())
		}
	})
}

func TestALayerThatCannotBeWatchedIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layer := newOwnLayer(entryOf("addr", "one"))
		v, err := config.Load(defaults(), layer)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		var reported []error
		v.OnRefused(func(err error) { reported = append(reported, err) })
		gone := fault.Unavailable.Errorf("the vault is away")
		layer.news <- gone
		synctest.Wait()
		if len(reported) != 1 || !errors.Is(reported[0], gone) || !errors.Is(v.Err(), gone) {
			t.Errorf("reported are %v and Err is %v, want the error once", reported, v.Err())
		}
		layer.set(nil, entryOf("addr", "two"))
		if v.Err() != nil || v.Get().Addr != "two" {
			t.Errorf("after a change Err is %v and addr %s, want none and two", v.Err(), v.Get().Addr)
		}
	})
}

// readFunc is a layer that does not change.
type readFunc func(ctx context.Context) ([]config.Entry, error)

func (f readFunc) Read(ctx context.Context) ([]config.Entry, error) { return f(ctx) }

func (f readFunc) Watch(context.Context, func(error)) {}

func TestLoadReturnsTheErrorOfALayerAsItIs(t *testing.T) {
	sealed := fault.Unavailable.Errorf("the vault is sealed")
	_, err := load(t, readFunc(func(context.Context) ([]config.Entry, error) { return nil, sealed }))
	if err != error(sealed) {
		t.Errorf("got %v, want the very error of Read", err)
	}
	_, err = load(t, readFunc(func(context.Context) ([]config.Entry, error) { panic("oops") }))
	if !errors.Is(err, fault.Internal) {
		t.Errorf("a panic of Read gives %v, want an error that is Internal", err)
	}
	var none readFunc
	if _, err := load(t, none); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("a layer that is a nil function gives %v, want InvalidArgument", err)
	}
}

func TestAReadOfALayerHasTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := config.Load(defaults(), readFunc(func(ctx context.Context) ([]config.Entry, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}))
		if waited := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || waited != 10*time.Second {
			t.Errorf("Load gives %v after %s, want the end of the context after 10 s", err, waited)
		}
	})
}

type stubborn struct{ readFunc }

func (stubborn) Watch(ctx context.Context, _ func(error)) {
	<-ctx.Done()
	<-time.After(time.Second)
}

func TestCloseWaitsForTheWatchOfALayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, err := config.Load(defaults(), stubborn{func(context.Context) ([]config.Entry, error) { return nil, nil }})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := v.Close(); err != nil || time.Since(start) != time.Second {
			t.Errorf("Close gives %v after %s, want nil after the second that Watch takes", err, time.Since(start))
		}
	})
}

func TestEveryReadsALayerAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		layer := readFunc(func(context.Context) ([]config.Entry, error) {
			reads++
			return []config.Entry{entryOf("http.port", reads)}, nil
		})
		v, err := config.Load(defaults(), config.Every(time.Minute, layer), config.Every(0, layer))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute - time.Nanosecond)
		if got := v.Get().HTTP.Port; got != 2 {
			t.Errorf("before the interval the port is %d, want that of the first reads, 2", got)
		}
		<-time.After(time.Nanosecond)
		synctest.Wait()
		if got := v.Get().HTTP.Port; got != 4 {
			t.Errorf("after the interval the port is %d, want that of the second reads, 4", got)
		}
		_ = v.Close()
	})
}

func TestALayerOfAFileIsRefusedToASecondValue(t *testing.T) {
	path := fileSource(t, "a.yaml", "addr: one\n")
	synctest.Test(t, func(t *testing.T) {
		layer := config.File(path)
		var values []*config.Value[settings]
		for range 2 {
			v, err := config.Load(defaults(), layer)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			values = append(values, v)
		}
		if err := values[0].Err(); err != nil {
			t.Errorf("the first has the error %v, want none", err)
		}
		if err := values[1].Err(); !errors.Is(err, fault.FailedPrecondition) {
			t.Errorf("the second has the error %v, want FailedPrecondition", err)
		}
		for _, v := range values {
			_ = v.Close()
		}
		third, err := config.Load(defaults(), layer)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := third.Err(); err != nil {
			t.Errorf("after they are closed a third has the error %v, want none", err)
		}
		_ = third.Close()
	})
}
