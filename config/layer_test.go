package config_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

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
		http := map[string]any{"port": 4, "tls": true}
		return newOwnLayer(entryOf("addr", "own"), entryOf("http", http), entryOf("http.port", 5))
	}
	if got := mustLoad(t, file, own()).Get(); got.Addr != "own" || got.HTTP.Port != 5 || !got.HTTP.TLS {
		t.Errorf("over the file it gives %+v, want its own addr, port 5 and tls", got)
	}
	file = config.File(fileSource(t, "a.yaml", "addr: file\nhttp: {port: 3}"))
	if got := mustLoad(t, own(), file).Get(); got.Addr != "file" || got.HTTP.Port != 3 || !got.HTTP.TLS {
		t.Errorf("below the file it gives %+v, want addr and port of the file, and its own tls", got)
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
	for _, layer := range []config.Layer{none, config.Every(time.Second, none), config.Every(time.Second, nil)} {
		if _, err := load(t, layer); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("a layer that is nil gives %v, want InvalidArgument", err)
		}
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
	bubble.Sleep(time.Second)
}

func TestCloseWaitsForTheWatchOfALayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nothing := func(context.Context) ([]config.Entry, error) { return nil, nil }
		v, err := config.Load(defaults(), stubborn{nothing})
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
		bubble.Sleep(time.Minute - time.Nanosecond)
		if got := v.Get().HTTP.Port; got != 2 {
			t.Errorf("before the interval the port is %d, want that of the first reads, 2", got)
		}
		bubble.Sleep(time.Nanosecond)
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
