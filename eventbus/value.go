package eventbus

import (
	"bytes"
	"encoding/json"
	"reflect"
	"sync/atomic"
)

// value is what an event's Data is the encoding of. Handlers in the same process
// get copies of it in place of what decoding would give, where both are provably
// the same.
type value interface {
	// divide makes it a value that each of n groups can take once. It is false
	// when that was done before.
	divide(n int) bool
	// encodeNow is the Data of an event that was published without, and nil when
	// there was one before.
	encodeNow() []byte
}

// maxShares is how many groups a value can be divided among.
const maxShares = 32

// typed is a value of type T and its encoding.
type typed[T any] struct {
	v      T
	data   []byte  // what v is encoded as, once it is
	copier *copier // nil where only decoding tells what becomes of v
	own    bool    // nobody else can change v
	begun  atomic.Bool
	all    uint32        // the shares there are, one bit each
	taken  atomic.Uint32 // the shares that somebody took
	free   atomic.Uint32 // the shares whose taker needs v no more
}

func (t *typed[T]) encode() (err error) {
	t.data, err = json.Marshal(&t.v)
	if bytes.Contains(t.data, []byte(`\ufffd`)) {
		t.copier = nil // what is no UTF-8 was encoded as this; what really reads so is decoded
	}
	return err
}

func (t *typed[T]) encodeNow() []byte {
	if t.data != nil {
		return nil
	}
	_ = t.encode() // cannot fail: the copier is sure
	return t.data
}

// keep makes v a value that the publisher cannot change.
func (t *typed[T]) keep() {
	if !t.own && t.copier.refers {
		t.v = t.copied()
	}
	t.own = true
}

func (t *typed[T]) copied() T {
	if reflect.TypeFor[T]().Kind() == reflect.Pointer {
		return t.copier.clone(reflect.ValueOf(t.v)).Interface().(T)
	}
	own := t.v
	t.copier.deepen(reflect.ValueOf(&own).Elem(), reflect.ValueOf(&t.v).Elem())
	return own
}

func (t *typed[T]) divide(n int) bool {
	if n > maxShares || t.begun.Swap(true) {
		return false
	}
	t.all = 1<<n - 1
	t.keep()
	return true
}

// take is the value for the holder of a share of e; false when it was taken
// before, or when e has other data by now. The last holder gets v itself.
func (t *typed[T]) take(e *Event) (v T, ok bool) {
	bit := uint32(1) << e.share
	if t.copier == nil || !same(e.Data, t.data) || e.DataContentType != jsonType || t.taken.Or(bit)&bit != 0 {
		return v, false
	}
	if !t.copier.refers || t.free.Load()|bit == t.all {
		return t.v, true
	}
	defer t.free.Or(bit)
	return t.copied(), true
}

// encode sets the Data of an event that was published without.
func (e *Event) encode() {
	if e.Data == nil && e.value != nil {
		e.Data = e.value.encodeNow()
	}
}

// same reports whether a and b are one slice.
func same(a, b []byte) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }
