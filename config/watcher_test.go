package config_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/config"
)

func TestWatchersAreCalledInOrderOneAtATime(t *testing.T) {
	path := fileSource(t, "a.yaml", "http: {port: 1}")
	v := mustLoad(t, config.Every(time.Hour, config.File(path))) // only Reload finds a change
	last, busy := 1, sync.Mutex{}
	stop := v.Watch(func(old, new *settings) {
		if !busy.TryLock() {
			t.Error("two calls at once")
		}
		defer busy.Unlock()
		if old.HTTP.Port != last || new.HTTP.Port == last {
			t.Errorf("from %d to %d after %d", old.HTTP.Port, new.HTTP.Port, last)
		}
		last = new.HTTP.Port
	})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 10 {
				temporary := fmt.Sprintf("%s.%d", path, i)
				write(t, temporary, fmt.Sprintf("http: {port: %d}", 700+i*10+j))
				rename(t, temporary, path)
				if err := v.Reload(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if last != v.Get().HTTP.Port {
		t.Errorf("watchers were told %d last, and it is %d", last, v.Get().HTTP.Port)
	}
	stop()
	stop()
	was := last
	write(t, path, "http: {port: 3}")
	if err := v.Reload(t.Context()); err != nil || v.Get().HTTP.Port != 3 || last != was {
		t.Errorf("after stop: %d, watcher %d, %v", v.Get().HTTP.Port, last, err)
	}
}

func TestWatcherMayUseTheValue(t *testing.T) {
	path := fileSource(t, "a.yaml", "addr: one")
	v := mustLoad(t, config.File(path))
	var seen []string
	var stop func()
	stop = v.Watch(func(_, new *settings) {
		seen = append(seen, new.Addr)
		v.Watch(func(_, new *settings) { seen = append(seen, "inner "+new.Addr) })
		stop()
		write(t, path, "addr: three")
		if err := v.Reload(t.Context()); err != nil || v.Err() != nil {
			t.Error(err)
		}
	})
	write(t, path, "addr: two")
	if err := v.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(seen); got != "[two inner three]" {
		t.Errorf("watchers saw %s", got)
	}
}

func TestWatcherThatPanicsDoesNotSilenceTheNext(t *testing.T) {
	path := fileSource(t, "a.yaml", "addr: one")
	v := mustLoad(t, config.File(path))
	stop := v.Watch(func(_, _ *settings) { panic("watcher") })
	write(t, path, "addr: two")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is lost")
			}
		}()
		_ = v.Reload(t.Context())
	}()
	stop()
	called := false
	v.Watch(func(_, _ *settings) { called = true })
	write(t, path, "addr: three")
	if err := v.Reload(t.Context()); err != nil || !called {
		t.Errorf("called %t, %v", called, err)
	}
}
