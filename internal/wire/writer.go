package wire

import "net/http"

// WriterOf returns w, or a writer that it wraps, if that is a T. Writers say by a method
// Unwrap what they wrap, as [http.ResponseController] has it.
func WriterOf[T any](w http.ResponseWriter) (found T, ok bool) {
	for {
		if found, ok = w.(T); ok {
			return found, true
		}
		wrapping, is := w.(interface{ Unwrap() http.ResponseWriter })
		if !is {
			return found, false
		}
		w = wrapping.Unwrap()
	}
}
