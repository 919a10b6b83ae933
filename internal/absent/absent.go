// Package absent finds missing arguments, so that a constructor can refuse what would
// otherwise panic at its first use.
package absent

import "reflect"

// Is reports whether part is nil, or an interface that holds a nil pointer or a nil
// function. A nil map or slice is not absent: its methods work.
func Is(part any) bool {
	v := reflect.ValueOf(part)
	return !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil()
}
