package rest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"time"
)

// plainString skips the string at the current position, and returns what is in it; ok is
// false if that has escapes or is no JSON.
func (r *plainReader) plainString() (text []byte, ok bool) {
	start := r.pos + 1
	for at := start; at < len(r.text); at++ {
		switch c := r.text[at]; {
		case c == '"':
			r.pos = at + 1
			return r.text[start:at], true
		case c == '\\' || c < ' ':
			return nil, false
		}
	}
	return nil, false
}

func (r *plainReader) str(v reflect.Value) bool {
	text, ok := r.plainString()
	if ok {
		v.SetString(string(text))
		return true
	}
	text, _, err := r.skipString()
	return err == nil && json.Unmarshal(text, v.Addr().Interface()) == nil
}

func (r *plainReader) instant(v reflect.Value) bool {
	start := r.pos
	if _, ok := r.plainString(); !ok {
		return false
	}
	at, _ := v.Addr().Interface().(*time.Time)
	return at.UnmarshalJSON(r.text[start:r.pos]) == nil
}

// digits skips the digits of an integer, and returns them; nil for a number that is no
// integer, or that no integer has.
func (r *plainReader) digits() []byte {
	start := r.pos
	for r.pos < len(r.text) && r.text[r.pos] >= '0' && r.text[r.pos] <= '9' {
		r.pos++
	}
	text := r.text[start:r.pos]
	if len(text) == 0 || len(text) > 19 || text[0] == '0' && len(text) > 1 || !r.atEnd() {
		return nil
	}
	return text
}

// atEnd reports whether a number ends at the current position.
func (r *plainReader) atEnd() bool {
	if r.pos == len(r.text) {
		return true
	}
	switch r.text[r.pos] {
	case ',', ']', '}', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

// number returns the number that at most 19 digits are.
func number(digits []byte) (n uint64) {
	for _, d := range digits {
		n = n*10 + uint64(d-'0')
	}
	return n
}

func (r *plainReader) integer(v reflect.Value) bool {
	negative := r.pos < len(r.text) && r.text[r.pos] == '-'
	if negative {
		r.pos++
	}
	digits := r.digits()
	n := int64(number(digits))
	if digits == nil || n < 0 || negative && n == 0 {
		return false
	}
	if negative {
		n = -n
	}
	if v.OverflowInt(n) {
		return false
	}
	v.SetInt(n)
	return true
}

func (r *plainReader) unsigned(v reflect.Value) bool {
	digits := r.digits()
	n := number(digits)
	if digits == nil || v.OverflowUint(n) {
		return false
	}
	v.SetUint(n)
	return true
}

func (r *plainReader) float(v reflect.Value) bool {
	start := r.pos
	if r.skipScalar() != nil {
		return false
	}
	text := r.text[start:r.pos]
	if len(text) == 0 || text[0] != '-' && (text[0] < '0' || text[0] > '9') || !json.Valid(text) {
		return false
	}
	f, err := strconv.ParseFloat(string(text), v.Type().Bits())
	if err == nil {
		v.SetFloat(f)
	}
	return err == nil
}

func (r *plainReader) boolean(v reflect.Value) bool {
	if r.literal("true") {
		v.SetBool(true)
		return true
	}
	return r.literal("false")
}

// literal skips a word, if it is there.
func (r *plainReader) literal(word string) bool {
	if !bytes.HasPrefix(r.text[r.pos:], []byte(word)) {
		return false
	}
	start := r.pos
	if r.pos += len(word); r.atEnd() {
		return true
	}
	r.pos = start
	return false
}
