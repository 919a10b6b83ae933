package config_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

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
			bubble.Sleep(2 * time.Second)
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
		bubble.Sleep(time.Second + 50*time.Millisecond)
		if got := v.Get().Addr; got != "two" {
			t.Errorf("got %s", got)
		}
	})
}

func TestChangesByAnyEditorAreNoticed(t *testing.T) {
	for _, c := range []struct {
		name string
		save func(path string)
	}{
		{name: "vim moves the old file away and writes a new one, beside a swap file", save: func(path string) {
			write(t, filepath.Join(filepath.Dir(path), ".a.yaml.swp"), "addr: [")
			rename(t, path, path+"~")
			write(t, path, "addr: two\n")
		}},
		{name: "JetBrains writes a file beside it and moves it over the old one", save: func(path string) {
			write(t, path+"___jb_tmp___", "addr: two\n")
			rename(t, path, path+"___jb_old___")
			rename(t, path+"___jb_tmp___", path)
		}},
		{name: "an atomic rename", save: func(path string) {
			write(t, path+".new", "addr: two\n")
			rename(t, path+".new", path)
		}},
		{name: "the same size and time", save: func(path string) {
			before, _ := os.Stat(path)
			write(t, path, "addr: two\n")
			_ = os.Chtimes(path, before.ModTime(), before.ModTime())
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			withFile(t, func(path string, v *config.Value[settings], poll func() (string, int)) {
				c.save(path)
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
	for _, c := range []struct {
		n    string
		addr string
	}{
		{n: "..1", addr: "one"},
		{n: "..2", addr: "two"},
	} {
		if err := os.Mkdir(filepath.Join(dir, c.n), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, c.n, "a.yaml"), "addr: "+c.addr)
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
		bubble.Sleep(59 * time.Second)
		if got := v.Get().Addr; got != "one" {
			t.Errorf("before the time of Every it is %s", got)
		}
		bubble.Sleep(2 * time.Second)
		if got := v.Get().Addr; got != "two" {
			t.Errorf("got %s", got)
		}
	})
}

func TestBadContentLeavesTheLastGoodInForce(t *testing.T) {
	for _, c := range []struct {
		name string
		bad  string
	}{
		{name: "bad indentation", bad: "addr: two\n  http: 1\n"},
		{name: "truncated", bad: "addr: two\nhttp: {port"},
		{name: "empty", bad: ""},
		{name: "wrong type", bad: "addr: [two]\n"},
		{name: "unknown key", bad: "addr: two\nadrr: x\n"},
		{name: "binary", bad: "\x00\xff\xfe"},
		{name: "not valid", bad: "addr: two\nhttp: {port: 666}\n"},
		{name: "policy not valid", bad: "addr: two\nretry: {attempts: -1}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			withFile(t, func(path string, v *config.Value[settings], poll func() (string, int)) {
				good := v.Get()
				write(t, path, c.bad)
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
		bubble.Sleep(999 * time.Millisecond)
		write(t, path, "addr: half")
		bubble.Sleep(10 * time.Millisecond)
		write(t, path, "addr: half of it\n")
		bubble.Sleep(500 * time.Millisecond)
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
		bubble.Sleep(10 * time.Millisecond)
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
