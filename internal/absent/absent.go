// Package absent tells a part that was given from one that is none, so that a
// constructor can refuse what would panic at its first use.
package absent

import "reflect"

// Is says that part is nil, or an interface that holds a pointer or a function
// which is nil. A nil map or slice is none: methods work on it.
func Is(part any) bool {
	v := reflect.ValueOf(part)
	return !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil()
}
