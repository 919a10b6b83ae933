package api

import (
	"fmt"
	"strconv"
	"strings"
)

// Money is an amount in the currency's minor unit (cents). In JSON it is a
// decimal number: 1999 is 19.99.
type Money int64

// String returns the amount with two decimals: "19.99".
func (m Money) String() string {
	sign, n := "", uint64(m)
	if m < 0 {
		sign, n = "-", -uint64(m)
	}
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}

// MarshalJSON writes a number with two decimals.
func (m Money) MarshalJSON() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalJSON reads a number exactly, without converting it to a float. It refuses
// fractions of a cent.
func (m *Money) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	number, negative := strings.CutPrefix(text, "-")
	number, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	whole, decimals, _ := strings.Cut(number, ".")
	shift := 2 - len(decimals)
	if exponent != "" {
		e, err := strconv.Atoi(exponent)
		if err != nil || e < -30 || e > 30 {
			return fmt.Errorf("%s is no amount of money", text)
		}
		shift += e
	}
	digits := whole + decimals
	for ; shift < 0; shift++ {
		rest, zero := strings.CutSuffix(digits, "0")
		if !zero && digits != "" {
			return fmt.Errorf("%s is no whole number of cents", text)
		}
		digits = rest
	}
	cents, err := strconv.ParseInt("0"+digits+strings.Repeat("0", shift), 10, 64)
	if err != nil || cents > maxMoney*100 {
		return fmt.Errorf("%s is no amount of money", text)
	}
	*m = Money(cents)
	if negative {
		*m = -*m
	}
	return nil
}

// JSONSchema describes a number of whole cents.
func (Money) JSONSchema() map[string]any {
	return map[string]any{"type": "number", "multipleOf": 0.01, "minimum": -maxMoney, "maximum": maxMoney}
}

// maxMoney is the largest amount, in whole units of the currency.
const maxMoney = 90_000_000_000_000_000
