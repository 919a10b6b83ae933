//go:build !unix

package service

// MaxOpenFiles returns 0: the limit on open files is not known on this system.
func MaxOpenFiles() int { return 0 }
