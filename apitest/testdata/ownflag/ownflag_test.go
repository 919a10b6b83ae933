// Package ownflag is a package whose tests define the flag update themselves.
package ownflag

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/sinew-go/sinew/apitest"
	"github.com/sinew-go/sinew/internal/contracts"
)

var update = flag.Bool("update", false, "write the golden files of this package")

func TestItsFlagIsGiven(t *testing.T) {
	if !*update {
		t.Error("its own flag is not set")
	}
}

// topic describes itself, so that little is built.
type topic struct{}

func (topic) Describe() contracts.Operation {
	return contracts.Operation{Kind: contracts.Topic, Name: "x"}
}

func TestTheFileIsWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "api.golden.json")
	apitest.Golden(t, file, topic{})
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestNothing(*testing.T) {}
