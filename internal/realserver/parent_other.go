//go:build !linux

package realserver

import "syscall"

func endsWithParent() *syscall.SysProcAttr { return nil }
