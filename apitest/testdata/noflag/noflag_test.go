// Package noflag is a package whose tests define no flag.
package noflag

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sinew-go/sinew/apitest"
	"github.com/sinew-go/sinew/eventbus"
)

func TestTheFileIsWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "api.golden.json")
	apitest.Golden(t, file, eventbus.Topic[int]{Name: "x"})
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}
