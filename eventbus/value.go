package eventbus

import (
	"bytes"
	"encoding/json"
	"reflect"
	"sync/atomic"
)

// value is what an event's Data encodes. Handlers in the same process get copies of it
// instead of decoding Data, if both give provably the same.
type value interface {
	// divide prepares the value for n groups, each of which can claim it once. It is false
	// if the value was divided before, or if n exceeds maxShares.
	divide(n int) bool
	// encodeNow returns the Data of an event that was published without Data. It is nil
	// if the value was encoded before.
	encodeNow() []byte
}

// maxShares is the maximum number of groups that can share a value.
const maxShares = 32

// typedValue is a value of type T and its encoding.
type typedValue[T any] struct {
	v              T
	data           []byte  // the encoding of v; nil until it is encoded
	copier         *copier // nil if only decoding shows what becomes of v
	owned          bool    // nobody else can change v
	divided        atomic.Bool
	allShares      uint32        // one bit for each share
	claimedShares  atomic.Uint32 // shares that were claimed
	finishedShares atomic.Uint32 // shares whose holder needs v no longer
}

func (t *typedValue[T]) encode() (err error) {
	t.data, err = json.Marshal(&t.v)
	if bytes.Contains(t.data, []byte(`\ufffd`)) {
		t.copier = nil // invalid UTF-8 was encoded as this; a value that contains it is decoded, too
	}
	return err
}

func (t *typedValue[T]) encodeNow() []byte {
	if t.data != nil {
		return nil
	}
	_ = t.encode() // cannot fail: the copier is infallible
	return t.data
}

// ensureOwned makes v a value that the publisher cannot change.
func (t *typedValue[T]) ensureOwned() {
	if !t.owned && t.copier.needsDeepCopy {
		t.v = t.copyValue()
	}
	t.owned = true
}

func (t *typedValue[T]) copyValue() T {
	if reflect.TypeFor[T]().Kind() == reflect.Pointer {
		return t.copier.clone(reflect.ValueOf(t.v)).Interface().(T)
	}
	clone := t.v
	t.copier.deepCopy(reflect.ValueOf(&clone).Elem(), reflect.ValueOf(&t.v).Elem())
	return clone
}

func (t *typedValue[T]) divide(n int) bool {
	if n > maxShares || t.divided.Swap(true) {
		return false
	}
	t.allShares = 1<<n - 1
	t.ensureOwned()
	return true
}

// claim returns the value for the share of e. ok is false if the share was claimed
// before, or if e has other data by now. The last holder gets v itself instead of a copy.
func (t *typedValue[T]) claim(e *Event) (v T, ok bool) {
	bit := uint32(1) << e.share
	if t.copier == nil || !sameSlice(e.Data, t.data) || e.DataContentType != jsonType || t.claimedShares.Or(bit)&bit != 0 {
		return v, false
	}
	if !t.copier.needsDeepCopy || t.finishedShares.Load()|bit == t.allShares {
		return t.v, true
	}
	defer t.finishedShares.Or(bit)
	return t.copyValue(), true
}

// encode sets the Data of an event that was published without Data.
func (e *Event) encode() {
	if e.Data == nil && e.value != nil {
		e.Data = e.value.encodeNow()
	}
}

// sameSlice reports whether a and b are the same slice.
func sameSlice(a, b []byte) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }
