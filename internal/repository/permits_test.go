package repository_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// doneOnce is what every permit promises of Done.
const doneOnce = "Call Done exactly once, when the call ends, on this value or on a copy; " +
	"a second Done, on either, is a mistake and may count the call twice."

func TestEveryPermitPromisesTheSameOfDone(t *testing.T) {
	t.Chdir(root)
	for _, permit := range []struct{ folder, declaration string }{
		{"limit", "type AdaptivePermit struct"},
		{"limit", "type ConcurrencyPermit struct"},
		{"breaker", "type Permit struct"},
		{"loadbalance", "type Picked struct"},
	} {
		comment := commentOf(t, permit.folder, permit.declaration)
		if !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(comment, "//", " ")), " "), doneOnce) {
			t.Errorf("the comment of %s in %s does not say %q", permit.declaration, permit.folder, doneOnce)
		}
	}
}

// commentOf is the text from the last empty line to a declaration.
func commentOf(t *testing.T, folder, declaration string) string {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if before, _, found := strings.Cut(string(source), declaration); found {
			return before[strings.LastIndex(before, "\n\n")+1:]
		}
	}
	t.Fatalf("%s has no %s", folder, declaration)
	return ""
}
