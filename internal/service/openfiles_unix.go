//go:build unix

package service

import "syscall"

// MaxOpenFiles returns how many files and connections this process may have open; 0 if that
// is not known or unbounded.
func MaxOpenFiles() int {
	const some = 1 << 30
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || uint64(limit.Cur) > some { //nolint:unconvert // it is signed on some systems
		return 0
	}
	return int(limit.Cur)
}
