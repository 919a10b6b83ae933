//go:build !linux

package realserver

import "syscall"

func dieWithParent() *syscall.SysProcAttr { return nil }
