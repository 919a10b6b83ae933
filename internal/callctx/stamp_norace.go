//go:build !race

package callctx

func checkFresh(*Call) {}
