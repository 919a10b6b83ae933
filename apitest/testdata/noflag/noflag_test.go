// Package noflag is a package whose tests define no flag.
package noflag

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sinew-go/sinew/apitest"
	"github.com/sinew-go/sinew/internal/contracts"
)

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
