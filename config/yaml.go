package config

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"

	"github.com/sinew-go/sinew/internal/ellipsis"
	"go.yaml.in/yaml/v3"
)

// parseYAML parses exactly one document, an object. Its errors quote no value.
func parseYAML(data []byte) (map[string]any, error) {
	text := decodeUTF16(data)
	if hasSecondDocument(text) {
		return nil, errors.New("a second YAML document follows; settings are one document, so take out what stands after ---")
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, redactYAMLError(err)
	}
	if err := checkKeys(&document); err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := document.Decode(&tree); err != nil {
		return nil, redactYAMLError(err)
	}
	return tree, nil
}

// maxYAMLError limits the length of an error of the parser, in bytes.
const maxYAMLError = 2000

// redactYAMLError returns the parser's error without the values that it quotes.
func redactYAMLError(err error) error {
	text := err.Error()
	if strings.Contains(text, "cannot unmarshal") {
		return errNoObject
	}
	text = quotedAnchor.ReplaceAllString(quotedValue.ReplaceAllString(text, "a value"), "anchor")
	return errors.New(ellipsis.Cut(text, maxYAMLError)) // one line for each duplicate key
}

// The parts of an error in which the parser quotes the content. Text that begins with *
// was read as an alias, and is quoted, too.
var (
	quotedValue  = regexp.MustCompile("(?s)`.*`")
	quotedAnchor = regexp.MustCompile("(?s)anchor '.*'")
)

// The maximum number of keys in a document; keys behind an alias count each time. The
// parser compares each key of an object with all its other keys.
const (
	maxKeys    = 10_000
	maxAllKeys = 10 * maxKeys
)

var errKeys = fmt.Errorf("it has more than %d keys in one object, or %d in all; JSON may have more", maxKeys, maxAllKeys)

// checkKeys refuses what would take the parser very long, or what it would drop silently.
func checkKeys(document *yaml.Node) error {
	keys, err := countKeys(document, map[*yaml.Node]int{})
	if err == nil && keys > maxAllKeys {
		err = errKeys
	}
	return err
}

// countKeys counts the keys of n and everything in it, up to one more than allowed.
// anchored has the counts of the anchors that were seen.
func countKeys(n *yaml.Node, anchored map[*yaml.Node]int) (keys int, err error) {
	if n.Kind == yaml.AliasNode {
		return anchored[n.Alias], nil // the anchor precedes its alias, unless it contains itself
	}
	switch {
	case strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!"):
		return 0, fmt.Errorf("line %d: a text that begins with ! is a tag, which means nothing here; quote it", n.Line)
	case n.Anchor != "" && n.Tag == "!!null" && n.Value == "":
		return 0, fmt.Errorf("line %d: a text that begins with & is an anchor, and nothing follows it; quote it", n.Line)
	case n.Kind == yaml.MappingNode && len(n.Content) > 2*maxKeys:
		return 0, errKeys
	case n.Kind == yaml.MappingNode:
		keys = len(n.Content) / 2
		seen := make(map[string]bool, keys)
		for i := 0; i < len(n.Content); i += 2 { // the parser would report each pair
			if key := n.Content[i]; key.Kind == yaml.ScalarNode {
				if seen[key.Value] {
					return 0, &duplicateKeyError{key.Value}
				}
				seen[key.Value] = true
			}
		}
	}
	for _, inner := range n.Content {
		more, err := countKeys(inner, anchored)
		if err != nil {
			return 0, err
		}
		keys = min(keys+more, maxAllKeys+1)
	}
	if n.Anchor != "" {
		anchored[n] = keys
	}
	return keys, nil
}

// A line of this form starts or ends a document. No YAML text, quoted or not, may contain
// one. Line ends are those of YAML 1.1.
var (
	lineEnd        = regexp.MustCompile("\r\n|[\n\r\u0085\u2028\u2029]")
	documentMarker = regexp.MustCompile(`^(---|\.\.\.)(?:\s|$)`)
)

// hasSecondDocument reports whether text has more than one YAML document.
func hasSecondDocument(text string) bool {
	hasContent, ended := false, false
	for _, line := range lineEnd.Split(strings.TrimPrefix(text, "\ufeff"), -1) {
		found := documentMarker.FindString(line)
		rest := line[len(found):]
		switch {
		case strings.HasPrefix(found, "---"):
			ended, hasContent = hasContent || ended, true
		case found != "":
			ended, hasContent = true, true
		case !hasContent && strings.HasPrefix(line, "%"): // a directive
			continue
		}
		if rest = strings.TrimSpace(rest); rest == "" || rest[0] == '#' {
			continue
		}
		if ended {
			return true
		}
		hasContent = true
	}
	return false
}

// decodeUTF16 returns data as UTF-8. YAML may be in UTF-16, which its byte order mark
// shows.
func decodeUTF16(data []byte) string {
	var order binary.ByteOrder
	switch {
	case strings.HasPrefix(string(data), "\xff\xfe"):
		order = binary.LittleEndian
	case strings.HasPrefix(string(data), "\xfe\xff"):
		order = binary.BigEndian
	default:
		return string(data)
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i+1 < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	return string(utf16.Decode(units))
}
