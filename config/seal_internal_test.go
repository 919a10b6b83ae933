package config

import (
	"bytes"
	"errors"
	"testing"

	"github.com/sinew-go/sinew/fault"
)

func TestEncryptedValuesAreSealedInTheStore(t *testing.T) {
	m := NewMemory(MemoryPolicy{Key: NewSecretKey()})
	for _, key := range []string{"a", "b"} {
		if _, err := m.Set(t.Context(), Configuration{Service: "s", Key: key, Value: "hunter2", Encrypted: true}); err != nil {
			t.Fatal(err)
		}
	}
	records := m.buckets[[2]string{"s", ""}].records
	a, b := records["a"], records["b"]
	if bytes.Contains(a.value, []byte("hunter2")) || a.c.Value != nil || bytes.Equal(a.value[12:], b.value[12:]) {
		t.Errorf("stored is %q", a.value)
	}
	moved := b
	moved.value = a.value
	bent := a
	bent.value = append([]byte{}, a.value...)
	bent.value[len(bent.value)-1] ^= 1
	short := a
	short.value = a.value[:5]
	older := a
	older.c.Version++
	for _, c := range []struct {
		name string
		r    record
	}{
		{name: "moved to another key", r: moved},
		{name: "bent", r: bent},
		{name: "cut", r: short},
		{name: "of another version", r: older},
	} {
		records["a"] = c.r
		if _, err := m.open(c.r); !errors.Is(err, fault.DataLoss) {
			t.Errorf("a value that was %s: %v", c.name, err)
		}
		if _, err := m.List(t.Context(), "s", ""); !errors.Is(err, fault.DataLoss) {
			t.Errorf("a list with a value that was %s: %v", c.name, err)
		}
	}
}

func TestReadingUnknownNamesStoresNothing(t *testing.T) {
	m := NewMemory(MemoryPolicy{})
	_, _ = m.Get(t.Context(), "s", "", "x")
	_, _ = m.List(t.Context(), "s", "")
	_ = m.Delete(t.Context(), "s", "", "x")
	if _, err := m.Set(t.Context(), Configuration{Service: "s", Key: "x", Value: 1, Version: 1}); err == nil || len(m.buckets) != 0 {
		t.Errorf("there are %d shelves, %v", len(m.buckets), err)
	}
}
