package config

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"

	"go.yaml.in/yaml/v3"
)

// yamlParser reads one document.
type yamlParser struct{}

// Unmarshal is a method of koanf.Parser. Its errors quote no value.
func (yamlParser) Unmarshal(data []byte) (map[string]any, error) {
	text := utf8Of(data)
	if secondDocument(text) {
		return nil, errors.New("a second YAML document follows; settings are one document, so take out what stands after ---")
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, discreetYAML(err)
	}
	if err := settable(&document); err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := document.Decode(&tree); err != nil {
		return nil, discreetYAML(err)
	}
	return tree, nil
}

// maxYAMLError bounds an error of the parser, in bytes.
const maxYAMLError = 2000

// discreetYAML is the parser's error without the values that it quotes.
func discreetYAML(err error) error {
	text := err.Error()
	if strings.Contains(text, "cannot unmarshal") {
		return errNoObject
	}
	text = quotedAnchor.ReplaceAllString(quotation.ReplaceAllString(text, "a value"), "anchor")
	if len(text) > maxYAMLError { // a line for each key that is there twice
		text = strings.ToValidUTF8(text[:maxYAMLError], "") + "…"
	}
	return errors.New(text)
}

// Marshal is a method of koanf.Parser.
func (yamlParser) Marshal(object map[string]any) ([]byte, error) {
	return yaml.Marshal(object)
}

// Where the parser shows what it could not read. A text that begins with * is an
// alias to it.
var (
	quotation    = regexp.MustCompile("(?s)`.*`")
	quotedAnchor = regexp.MustCompile("(?s)anchor '.*'")
)

// What a document may have of keys, those of aliases counted each time. The parser
// compares each key of an object with all others of it.
const (
	maxKeys    = 10_000
	maxAllKeys = 10 * maxKeys
)

var errKeys = fmt.Errorf("it has more than %d keys in one object, or %d in all; JSON may have more", maxKeys, maxAllKeys)

// settable refuses what the parser would take for ever over, or drop without a word.
func settable(document *yaml.Node) error {
	keys, err := keysOf(document, map[*yaml.Node]int{})
	if err == nil && keys > maxAllKeys {
		err = errKeys
	}
	return err
}

// keysOf counts the keys of n and of all within, up to one more than are allowed.
// anchored has those of what is counted already.
func keysOf(n *yaml.Node, anchored map[*yaml.Node]int) (keys int, err error) {
	if n.Kind == yaml.AliasNode {
		return anchored[n.Alias], nil // it stands before, unless it contains itself
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
		for i := 0; i < len(n.Content); i += 2 { // the parser would tell of each pair
			if key := n.Content[i]; key.Kind == yaml.ScalarNode {
				if seen[key.Value] {
					return 0, &twiceError{key.Value}
				}
				seen[key.Value] = true
			}
		}
	}
	for _, inner := range n.Content {
		more, err := keysOf(inner, anchored)
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

// A line that begins like so begins or ends a document: no text of YAML, quoted or
// not, may have one. Lines end as YAML 1.1 says.
var (
	lineEnd = regexp.MustCompile("\r\n|[\n\r\u0085\u2028\u2029]")
	marker  = regexp.MustCompile(`^(---|\.\.\.)(?:\s|$)`)
)

// secondDocument says that text has more than one YAML document.
func secondDocument(text string) bool {
	begun, over := false, false
	for _, line := range lineEnd.Split(strings.TrimPrefix(text, "\ufeff"), -1) {
		found := marker.FindString(line)
		rest := line[len(found):]
		switch {
		case strings.HasPrefix(found, "---"):
			over, begun = begun || over, true
		case found != "":
			over, begun = true, true
		case !begun && strings.HasPrefix(line, "%"): // a directive
			continue
		}
		if rest = strings.TrimSpace(rest); rest == "" || rest[0] == '#' {
			continue
		}
		if over {
			return true
		}
		begun = true
	}
	return false
}

// utf8Of is data as text: YAML may be in UTF-16, which its mark says.
func utf8Of(data []byte) string {
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
