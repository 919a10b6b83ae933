package config

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// number is a number as text, which loses no digits.
type number string

// numberOf returns a number of any type that the parsers produce.
func numberOf(value any) (number, bool) {
	switch n := value.(type) {
	case json.Number:
		return number(n), true
	case int, int64, uint64:
		return number(fmt.Sprint(n)), true
	case float64:
		return number(strconv.FormatFloat(n, 'g', -1, 64)), true
	}
	return "", false
}

// setTo sets a setting of a numeric kind to n. If n does not fit, it sets nothing and
// returns what is needed.
func (n number) setTo(to reflect.Value) (needed string) {
	text := string(n)
	whole := text
	f, err := strconv.ParseFloat(text, 64)
	if err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		whole = strconv.FormatFloat(f, 'f', -1, 64) // 1e3 and 2.0 are whole numbers too
	}
	switch bits := to.Type().Bits(); {
	case to.CanInt():
		i, err := strconv.ParseInt(whole, 10, bits)
		if err != nil {
			return fmt.Sprintf("a whole number of %d bits", bits)
		}
		to.SetInt(i)
	case to.CanUint():
		u, err := strconv.ParseUint(whole, 10, bits)
		if err != nil {
			return fmt.Sprintf("a whole number from 0 of %d bits", bits)
		}
		to.SetUint(u)
	case err != nil || to.OverflowFloat(f) || math.IsNaN(f) || math.IsInf(f, 0):
		return fmt.Sprintf("a number of %d bits", bits)
	default:
		to.SetFloat(f)
	}
	return ""
}

func hasNaN(value any) bool {
	switch v := value.(type) {
	case float64:
		return math.IsNaN(v)
	case []any:
		return slices.ContainsFunc(v, hasNaN)
	case map[string]any:
		for _, inner := range v {
			if hasNaN(inner) {
				return true
			}
		}
	}
	return false
}
