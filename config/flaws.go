package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
)

// flaws is what does not fit the settings. Only a flaw that quotes shows a value.
type flaws []flaw

// Limits of an error: of a file that is not meant for the settings, or of a very long
// key, a few faults are enough.
const (
	maxFlaws = 20
	maxKey   = 200 // bytes
)

type flaw struct {
	path, text string
	quotes     bool // text comes from another package and may quote the value
}

func (all *flaws) add(f flaw) { *all = append(*all, f) }

func (all *flaws) addText(path, text string) { all.add(flaw{path: path, text: text}) }

func (all *flaws) addMismatch(needed string, value any, path string) {
	all.addText(path, fmt.Sprintf("%s is needed, not %s", needed, kindOf(value)))
}

// addOwnError adds the error with which a setting's own type has refused its value, if
// there is one.
func (all *flaws) addOwnError(err error, path string) {
	if err != nil {
		all.add(flaw{path: path, text: err.Error(), quotes: true})
	}
}

// err returns all flaws as one error that names their origin.
func (all flaws) err(p part) error {
	if len(all) == 0 {
		return nil
	}
	var texts []string
	for i, f := range all {
		if i == maxFlaws {
			texts = append(texts, fmt.Sprintf("and %d more", len(all)-i))
			break
		}
		if secretPath := strings.Join(p.path, "."); p.secret && strings.HasPrefix(f.path, secretPath+".") {
			f = flaw{path: secretPath, text: "a part of the secret does not fit"}
		}
		if p.secret && f.quotes {
			f.text = "its type refuses the secret"
		}
		texts = append(texts, fmt.Sprintf("key %q: %s", truncated(f.path), f.text))
	}
	return fault.InvalidArgument.Errorf("%s: %s", p.origin, strings.Join(texts, "; "))
}

// truncated returns a key as an error quotes it.
func truncated(key string) string { return ellipsis.Cut(key, maxKey) }

func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "this text"
	case bool:
		return "true or false"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case time.Time:
		return "a date (quote it)"
	}
	if _, ok := numberOf(value); ok {
		return "this number"
	}
	return fmt.Sprintf("a %T", value)
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
