//go:build unix

package service

import "syscall"

// MaxOpenFiles returns how many files and connections this process may have open; 0 if that
// is not known or unbounded.
func MaxOpenFiles() int {
	const unbounded = 1 << 30 // no process comes near it
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	if files := uint64(limit.Cur); files <= unbounded { //nolint:unconvert // it is signed on some systems
		return int(files)
	}
	return 0
}
