package limit

// fraction is an exact share.
type fraction struct{ part, whole int64 }

func (f fraction) isReached(n, of int64) bool  { return f.whole*n >= f.part*of }
func (f fraction) isExceeded(n, of int64) bool { return f.whole*n > f.part*of }
