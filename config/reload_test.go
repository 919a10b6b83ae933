package config_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

// withFile loads a file in a bubble and calls play. poll waits for two polling intervals
// and returns the address, and how often watchers were called.
func withFile(t *testing.T, play func(path string, v *config.Value[settings], poll func() (addr string, calls int))) {
	t.Helper()
	path := fileSource(t, "a.yaml", "addr: one\n")
	synctest.Test(t, func(t *testing.T) {
		v, err := config.Load(defaults(), config.File(path))
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		calls := 0
		defer v.Watch(func(old, new *settings) {
			calls++
			if old.Addr == new.Addr || new != v.Get() {
				t.Errorf("a watcher is called with %s and %s", old.Addr, new.Addr)
			}
		})()
		play(path, v, func() (string, int) {
			time.Sleep(2 * time.Second)
			synctest.Wait()
			return v.Get().Addr, calls
		})
	})
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestAFileWrittenInPlaceIsNoticedWithinASecond(t *testing.T) {
	withFile(t, func(path string, v *config.Value[settings], _ func() (string, int)) {
		write(t, path, "addr: two\n")
		time.Sleep(time.Second + 50*time.Millisecond)
		if got := v.Get().Addr; got != "two" {
			t.Errorf("got %s", got)
		}
	})
}

func TestChangesByAnyEditorAreNoticed(t *testing.T) {
	for name, save := range map[string]func(path string){
		"vim moves the old file away and writes a new one, beside a swap file": func(path string) {
			write(t, filepath.Join(filepath.Dir(path), ".a.yaml.swp"), "addr: [")
			rename(t, path, path+"~")
			write(t, path, "addr: two\n")
		},
		"JetBrains writes a file beside it and moves it over the old one": func(path string) {
			write(t, path+"___jb_tmp___", "addr: two\n")
			rename(t, path, path+"___jb_old___")
			rename(t, path+"___jb_tmp___", path)
		},
		"an atomic rename": func(path string) {
			write(t, path+".new", "addr: two\n")
			rename(t, path+".new", path)
		},
		"the same size and time": func(path string) {
			before, _ := os.Stat(path)
			write(t, path, "addr: two\n")
			_ = os.Chtimes(path, before.ModTime(), before.ModTime())
		},
	} {
		t.Run(name, func(t *testing.T) {
			withFile(t, func(path string, v *config.Value[settings], poll func() (string, int)) {
				save(path)
				if addr, calls := poll(); addr != "two" || calls != 1 || v.Err() != nil {
					t.Errorf("got %s after %d calls, %v", addr, calls, v.Err())
				}
				if _, calls := poll(); calls != 1 {
					t.Errorf("later there are %d calls", calls)
				}
			})
		})
	}
}

func TestASymlinkSwapOfKubernetesIsNoticed(t *testing.T) {
	dir := t.TempDir()
	for n, addr := range map[string]string{"..1": "one", "..2": "two"} {
		if err := os.Mkdir(filepath.Join(dir, n), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, n, "a.yaml"), "addr: "+addr)
	}
	link := func(to, at string) {
		if err := os.Symlink(to, filepath.Join(dir, at)); err != nil {
			t.Fatal(err)
		}
	}
	link("..1", "..data")
	link(filepath.Join("..data", "a.yaml"), "a.yaml")
	synctest.Test(t, func(t *testing.T) {
		v, err := config.Load(defaults(), config.Every(time.Minute, config.File(filepath.Join(dir, "a.yaml"))))
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		link("..2", "..data_tmp")
		rename(t, filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data"))
		if err := os.RemoveAll(filepath.Join(dir, "..1")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		if got := v.Get().Addr; got != "one" {
			t.Errorf("before the time of Every it is %s", got)
		}
		time.Sleep(2 * time.Second)
		if got := v.Get().Addr; got != "two" {
			t.Errorf("got %s", got)
		}
	})
}

func TestBadContentLeavesTheLastGoodInForce(t *testing.T) {
	for name, bad := range map[string]string{
		"bad indentation": "addr: two\n  http: 1\n", "truncated": "addr: two\nhttp: {port", "empty": "", "wrong type": "addr: [two]\n",
		"unknown key": "addr: two\nadrr: x\n", "binary": "\x00\xff\xfe", "not valid": "addr: two\nhttp: {port: 666}\n",
		"policy not valid": "addr: two\nretry: {attempts: -1}\n",
	} {
		t.Run(name, func(t *testing.T) {
			withFile(t, func(path string, v *config.Value[settings], poll func() (string, int)) {
				good := v.Get()
				write(t, path, bad)
				if addr, calls := poll(); addr != "one" || calls != 0 || v.Get() != good {
					t.Errorf("%s is in force after %d calls", addr, calls)
				}
				first := v.Err()
				if !errors.Is(first, fault.InvalidArgument) {
					t.Errorf("Err is %v", first)
				}
				if poll(); v.Err() != first {
					t.Errorf("the same content is refused again: %v", v.Err())
				}
				write(t, path, "addr: three\n")
				if addr, calls := poll(); addr != "three" || calls != 1 || v.Err() != nil {
					t.Errorf("mended it is %s after %d calls, %v", addr, calls, v.Err())
				}
			})
		})
	}
}

func TestMissingFileLeavesTheLastGoodInForce(t *testing.T) {
	withFile(t, func(path string, v *config.Value[settings], poll func() (string, int)) {
		rename(t, path, path+".away")
		if addr, calls := poll(); addr != "one" || calls != 0 || !errors.Is(v.Err(), fault.NotFound) {
			t.Errorf("away: %s after %d calls, %v", addr, calls, v.Err())
		}
		rename(t, path+".away", path)
		if addr, calls := poll(); addr != "one" || calls != 0 || v.Err() != nil {
			t.Errorf("back: %s after %d calls, %v", addr, calls, v.Err())
		}
	})
}

func TestAFileThatIsBeingWrittenIsNotUsed(t *testing.T) {
	withFile(t, func(path string, v *config.Value[settings], poll func() (string, int)) {
		time.Sleep(999 * time.Millisecond)
		write(t, path, "addr: half")
		time.Sleep(10 * time.Millisecond)
		write(t, path, "addr: half of it\n")
		time.Sleep(500 * time.Millisecond)
		if got := v.Get().Addr; got != "one" {
			t.Errorf("got %s", got)
		}
		if addr, calls := poll(); addr != "half of it" || calls != 1 {
			t.Errorf("got %s after %d calls", addr, calls)
		}
	})
}

func TestAFileThatIsBeingWrittenIsNotUsedByReloadEither(t *testing.T) {
	withFile(t, func(path string, v *config.Value[settings], poll func() (string, int)) {
		write(t, path, "addr: half")
		reloaded := make(chan error)
		go func() { reloaded <- v.Reload(context.Background()) }()
		time.Sleep(10 * time.Millisecond)
		write(t, path, "addr: half of it\n")
		if err := <-reloaded; err != nil || v.Get().Addr != "one" {
			t.Errorf("got %s, %v", v.Get().Addr, err)
		}
		if addr, calls := poll(); addr != "half of it" || calls != 1 {
			t.Errorf("got %s after %d calls", addr, calls)
		}
	})
}

func TestNotANumberIsRefused(t *testing.T) {
	for _, content := range []string{"http: {ratio: .nan}", "http: {ratio: .inf}", "any: .nan", "any: [{a: .nan}]"} {
		if _, err := config.Load(settings{}, config.File(fileSource(t, "a.yaml", content))); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%s: %v", content, err)
		}
	}
}

func TestOneBadFileDoesNotBlockAnother(t *testing.T) {
	a, b := fileSource(t, "a.yaml", "addr: one"), fileSource(t, "b.yaml", "timeout: 1s")
	v := mustLoad(t, config.File(a), config.File(b))
	write(t, a, "adrr: two")
	write(t, b, "timeout: 2s")
	checkError(t, v.Reload(t.Context()), a, `"adrr"`)
	if got := v.Get(); got.Addr != "one" || got.Timeout != 2*time.Second {
		t.Errorf("got %+v", got)
	}
	checkError(t, v.Err(), `"adrr"`)
}

func TestARefusedChangeIsAcceptedWhenAnotherMakesItValid(t *testing.T) {
	a, b := fileSource(t, "a.yaml", "addr: one"), fileSource(t, "b.yaml", "http: {port: 5}")
	v := mustLoad(t, config.File(a), config.File(b))
	write(t, b, "http: {port: 666}")
	write(t, a, "addr: two")
	if err := v.Reload(t.Context()); !errors.Is(err, errPort) || v.Get().Addr != "one" {
		t.Errorf("it is %s, %v", v.Get().Addr, err)
	}
	write(t, b, "http: {port: 6}")
	if err := v.Reload(t.Context()); err != nil || v.Get().Addr != "two" || v.Get().HTTP.Port != 6 {
		t.Errorf("it is %+v, %v", v.Get(), err)
	}
}

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

func TestClosedValueStaysReadable(t *testing.T) {
	path := fileSource(t, "a.yaml", "addr: one")
	v := mustLoad(t, config.File(path))
	if v.Close() != nil || v.Close() != nil {
		t.Error("Close gives an error")
	}
	write(t, path, "addr: two")
	if err := v.Reload(t.Context()); !errors.Is(err, fault.FailedPrecondition) || v.Get().Addr != "one" {
		t.Errorf("it is %s, %v", v.Get().Addr, err)
	}
}
