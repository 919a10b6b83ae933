package config_test

import (
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew/config"
)

func TestGetAllocatesNothing(t *testing.T) {
	v := mustLoad(t)
	if n := testing.AllocsPerRun(100, func() { sink = v.Get() }); n != 0 {
		t.Errorf("Get allocates %v times", n)
	}
}

var sink *settings

func BenchmarkGet(b *testing.B) {
	v, err := config.Load(defaults())
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	b.ReportAllocs()
	for b.Loop() {
		sink = v.Get()
	}
}

func BenchmarkAtomicLoad(b *testing.B) {
	var p atomic.Pointer[settings]
	p.Store(new(settings))
	b.ReportAllocs()
	for b.Loop() {
		sink = p.Load()
	}
}
