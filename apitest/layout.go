package apitest

import (
	"bytes"
	"encoding/json"
)

// width is how long a line of a golden file may be before it is broken.
const width = 110

// layout returns JSON text with one operation, type or member a line where it fits, so that
// a change of a contract is a change of few lines.
func layout(text []byte) []byte {
	var out bytes.Buffer
	lines{&out, ""}.write(nil, text, 0)
	return append(out.Bytes(), '\n')
}

// lines writes JSON text into lines.
type lines struct {
	*bytes.Buffer
	indent string
}

// write writes a value and its key, at a depth.
func (l lines) write(key, text []byte, depth int) {
	l.Write(key)
	flat := onOneLine(text)
	fits := len(l.indent)+len(key)+len(flat)+len(",") <= width
	if isScalar(flat) || fits && depth > 2 && !hasLines(key, flat) {
		l.Write(flat)
		return
	}
	inner := lines{l.Buffer, l.indent + "  "}
	separator := "\n" + inner.indent
	closing := elements(text, l.Buffer, func(key, value []byte) {
		l.WriteString(separator)
		inner.write(key, value, depth+1)
		separator = ",\n" + inner.indent
	})
	l.WriteString("\n" + l.indent + closing)
}

// isScalar reports whether there is nothing in text to put on lines of its own.
func isScalar(text []byte) bool {
	return text[0] != '{' && text[0] != '[' || len(text) == len("{}")
}

// hasLines reports whether each element of a value has a line of its own, however short.
func hasLines(key, text []byte) bool {
	for _, name := range []string{`"members": `, `"parameters": `, `"headers": `} {
		if string(key) == name || bytes.Contains(text, []byte(name+"{")) {
			return true
		}
	}
	return false
}

// onOneLine returns JSON text with blanks after colons and commas.
func onOneLine(text []byte) []byte {
	text = bytes.TrimSpace(text)
	if text[0] != '{' && text[0] != '[' {
		return text
	}
	var out bytes.Buffer
	separator := ""
	closing := elements(text, &out, func(key, value []byte) {
		out.WriteString(separator)
		out.Write(key)
		out.Write(onOneLine(value))
		separator = ", "
	})
	out.WriteString(closing)
	return out.Bytes()
}

// elements writes the opening of an object or list that encoding/json has written, and
// calls f for each element with its key and colon, none in a list. It returns the closing.
func elements(text []byte, out *bytes.Buffer, f func(key, value []byte)) (closing string) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	opening, _ := decoder.Token()
	object := opening == json.Delim('{')
	closing = "]"
	if object {
		closing = "}"
	}
	out.WriteString(map[bool]string{true: "{", false: "["}[object])
	for decoder.More() {
		var key bytes.Buffer
		var value json.RawMessage
		if object {
			name, _ := decoder.Token()
			encode(&key, name)
			key.Truncate(key.Len() - len("\n"))
			key.WriteString(": ")
		}
		_ = decoder.Decode(&value)
		f(key.Bytes(), value)
	}
	return closing
}

// encode writes v and a line break, and leaves <, > and & as they are.
func encode(out *bytes.Buffer, v any) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic("apitest: a contract cannot be written: " + err.Error())
	}
}
