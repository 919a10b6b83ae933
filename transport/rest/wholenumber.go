package rest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
)

// maxExponent bounds the exponent of a whole number: no integer has more digits.
const maxExponent = 30

// span is a part of a text.
type span struct{ start, end int }

// isInteger reports whether the value is an integer that encoding/json reads itself.
func (s *shape) isInteger() bool {
	if s == nil || s.quoted != nil || decodesItself(s.t) {
		return false
	}
	return s.t.Kind() >= reflect.Int && s.t.Kind() <= reflect.Uint64
}

// withoutFractions returns text with the numbers at these places written without a
// fraction and an exponent.
func withoutFractions(text []byte, numbers []span) []byte {
	if len(numbers) == 0 {
		return text
	}
	var b bytes.Buffer
	at := 0
	for _, n := range numbers {
		b.Write(text[at:n.start])
		b.Write(wholeNumber(text[n.start:n.end]))
		at = n.end
	}
	b.Write(text[at:])
	return b.Bytes()
}

// wholeNumber returns a JSON number such as 2.0 or 1e3 as encoding/json reads it into an
// integer; any other text as it is. For JSON Schema these are integers, and some languages
// write them so.
func wholeNumber(text []byte) []byte {
	mantissa, power := text, "0"
	if at := bytes.IndexAny(text, "eE"); at >= 0 {
		mantissa, power = text[:at], string(text[at+1:])
	}
	whole, fraction, fractional := bytes.Cut(mantissa, []byte("."))
	if !fractional && len(mantissa) == len(text) && string(text) != "-0" || !json.Valid(text) {
		return text
	}
	digits, negative := bytes.CutPrefix(bytes.Join([][]byte{whole, fraction}, nil), []byte("-"))
	if len(bytes.TrimLeft(digits, "0")) == 0 {
		return []byte("0")
	}
	exponent, err := strconv.Atoi(power)
	for exponent -= len(fraction); exponent < 0 && bytes.HasSuffix(digits, []byte("0")); exponent++ {
		digits = digits[:len(digits)-1]
	}
	if err != nil || exponent < 0 || exponent > maxExponent {
		return text
	}
	digits = append(bytes.TrimLeft(digits, "0"), bytes.Repeat([]byte("0"), exponent)...)
	if negative {
		return append([]byte("-"), digits...)
	}
	return digits
}
