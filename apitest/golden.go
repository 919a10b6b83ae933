package apitest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"
)

// Golden fails t, with one error for each breaking change, if the contracts break whoever
// depends on the contract that is in the file. A change that breaks nobody passes, and is
// logged until the file has it. With the flag -update, Golden writes the file, and logs
// what breaks.
//
// A contract is a rest.Route, an eventbus.Topic, a method of package transport/grpc, or a
// list of such values, as in []rest.Forwarder.
func Golden(t testing.TB, file string, contracts ...any) {
	t.Helper()
	operations, err := operationsOf(contracts)
	updating, wrong := updates()
	if err := errors.Join(err, wrong); err != nil {
		t.Errorf("apitest: %v", err)
		return
	}
	current := documentOf(operations)
	saved, err := os.ReadFile(file)
	var broken []string
	if err == nil {
		var old *document
		if old, err = parse(saved); err == nil {
			broken = compare(old, current)
		}
	}
	if updating {
		update(t, file, current, broken)
		return
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		t.Errorf("apitest: %s does not exist: write it by go test -update in the package of this test, and "+
			"commit it", file)
	case err != nil:
		t.Errorf("apitest: %s cannot be read: %v: bring it back from version control, or write it anew by "+
			"go test -update", file, err)
	}
	for _, sentence := range broken {
		t.Error(sentence)
	}
	if err == nil && len(broken) == 0 && !bytes.Equal(saved, current.text()) {
		t.Logf("apitest: %s lacks changes that break nobody: record them by go test -update, so that nobody "+
			"breaks them later", file)
	}
}

// update writes the file.
func update(t testing.TB, file string, d *document, broken []string) {
	t.Helper()
	for _, sentence := range broken {
		t.Logf("apitest: this breaks: %s", sentence)
	}
	if err := os.WriteFile(file, d.text(), 0o644); err != nil {
		t.Errorf("apitest: %v", err)
	}
}
