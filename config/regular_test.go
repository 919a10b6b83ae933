//go:build unix

package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

func pipe(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.yaml")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOnlyARegularFileIsRead(t *testing.T) {
	device := filepath.Join(t.TempDir(), "zero.yaml")
	if err := os.Symlink("/dev/zero", device); err != nil {
		t.Fatal(err)
	}
	directory := filepath.Join(t.TempDir(), "d.yaml")
	if err := os.Mkdir(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	large := fileSource(t, "large.yaml", "addr: x\n")
	if err := os.Truncate(large, 17<<20); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe(t), device, directory, large} {
		_, err := load(t, config.File(path))
		if !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%s: %v", path, err)
		}
		checkError(t, err, path)
	}
}

func TestAFileThatBecomesAPipeBlocksNothing(t *testing.T) {
	path, fifo := fileSource(t, "a.yaml", "addr: one\n"), pipe(t)
	synctest.Test(t, func(t *testing.T) {
		v, err := config.Load(defaults(), config.File(path))
		if err != nil {
			t.Fatal(err)
		}
		rename(t, fifo, path)
		bubble.Sleep(2 * time.Second)
		synctest.Wait()
		if !errors.Is(v.Err(), fault.InvalidArgument) || v.Get().Addr != "one" {
			t.Errorf("%s, %v", v.Get().Addr, v.Err())
		}
		if err := v.Reload(t.Context()); err == nil {
			t.Error("a pipe is reloaded")
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
}
