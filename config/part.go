package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// part is what an [Entry] contributes to the settings.
type part struct {
	origin string   // for messages: "orders.yaml", "variable ORDERS_HTTP_PORT"
	path   []string // where value belongs; empty is the root
	value  any      // a tree that is never modified
	secret bool     // no message may quote anything derived from value
}

// tree returns the value at its path.
func (p part) tree() map[string]any {
	value := p.value
	for _, name := range slices.Backward(p.path) {
		value = map[string]any{name: value}
	}
	root, _ := value.(map[string]any)
	return root
}

// resolve returns the parts that the entries of one layer are, later ones over earlier
// ones.
func (n settingNames) resolve(entries []Entry) ([]part, error) {
	var parts, texts []part
	var refused []error
	for _, e := range entries {
		var found []part
		var err error
		if e.Text {
			found, err = n.text(e)
			texts = append(texts, found...)
		} else {
			found, err = e.parts()
			parts = append(parts, found...)
		}
		if err != nil {
			refused = append(refused, err)
		}
	}
	refused = append(refused, duplicates(texts)...)
	slices.SortStableFunc(texts, func(a, b part) int { return len(a.path) - len(b.path) })
	return append(parts, texts...), joinErrors(refused)
}

// duplicates reports settings that two of the parts set, because one of the two would be
// lost.
func duplicates(parts []part) (refused []error) {
	first := map[string]string{} // the origin that set a path
	for _, p := range parts {
		path := strings.Join(p.path, ".")
		if other, ok := first[path]; ok {
			refused = append(refused, fault.InvalidArgument.Errorf(
				"%s: %s sets key %q, too; leave one of them out", p.origin, other, path))
			continue
		}
		first[path] = p.origin
	}
	return refused
}

// text returns the part that an entry with Text is, or none.
func (n settingNames) text(e Entry) ([]part, error) {
	if secret, ok := e.Value.(Secret); ok {
		e.Value, e.Secret = secret.Reveal(), true
	}
	text, ok := e.Value.(string)
	if !ok {
		return nil, fault.InvalidArgument.Errorf(
			"%s: an entry with Text has a string as its value, not a %T", e.Origin, e.Value)
	}
	s, err := n.find(e.Path, e.Origin)
	if s == nil && err == nil && !e.Optional {
		err = fault.InvalidArgument.Errorf("%s: no setting is named %q", e.Origin, strings.ToLower(e.Path))
	}
	if s == nil || err != nil {
		return nil, err
	}
	return e.at(s.path, parseText(text, s.typ))
}

// parts returns the parts that an entry without Text is. A secret object at the root is
// one part for each setting, so that errors can name the setting.
func (e Entry) parts() ([]part, error) {
	if secret, ok := e.Value.(Secret); ok {
		e.Value, e.Secret = secret.Reveal(), true
	}
	if e.Path != "" {
		return e.at(strings.Split(e.Path, "."), e.Value)
	}
	all, err := e.at(nil, e.Value)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	object, ok := all[0].value.(map[string]any)
	if !ok {
		return nil, fault.InvalidArgument.Errorf("%s: %w", e.Origin, errNoObject)
	}
	if !all[0].secret {
		return all, nil
	}
	all = nil
	for _, key := range sortedKeys(object) {
		all = append(all, part{origin: e.Origin, path: []string{key}, value: object[key], secret: true})
	}
	return all, nil
}

// at returns a part with this path and value, or none if the value is null.
func (e Entry) at(path []string, value any) ([]part, error) {
	c := copier{secret: e.Secret}
	tree, err := c.plain(value, maxDepth, false)
	if err != nil {
		return nil, fault.InvalidArgument.Errorf("%s: %w", e.Origin, err)
	}
	if tree == nil {
		return nil, nil
	}
	return []part{{origin: e.Origin, path: path, value: tree, secret: c.secret}}, nil
}

// copier copies what a layer returns into a tree.
type copier struct {
	secret bool // the value had a Secret in it
}

// plain returns a copy of value that has maps, lists and scalars only, nested at most
// levels deep, and no nulls outside of lists.
func (c *copier) plain(value any, levels int, inList bool) (any, error) {
	switch v := value.(type) {
	case nil, string, bool, json.Number, int, int64, uint64, float64, time.Time, unreadable:
		return value, nil
	case Secret:
		c.secret = true
		return v.Reveal(), nil
	case time.Duration:
		return v.String(), nil
	case map[string]any:
		if levels == 0 && len(v) > 0 {
			return nil, errDeep
		}
		object := make(map[string]any, len(v))
		for key, inner := range v {
			tree, err := c.plain(inner, levels-1, inList)
			if err != nil {
				return nil, err
			}
			if tree != nil || inList {
				object[key] = tree
			}
		}
		return object, nil
	case []any:
		if levels == 0 && len(v) > 0 {
			return nil, errDeep
		}
		list := make([]any, len(v))
		for i, inner := range v {
			tree, err := c.plain(inner, levels-1, true)
			if err != nil {
				return nil, err
			}
			list[i] = tree
		}
		return list, nil
	}
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fault.InvalidArgument.Errorf("a %T cannot be written as JSON", value)
	}
	if bytes.Contains(data, []byte(`"`+redactedText+`"`)) {
		return nil, fault.InvalidArgument.Errorf(
			"there is a config.Secret within a %T; give it an entry of its own", value)
	}
	tree, err := parseJSON(data)
	if _, twice := errors.AsType[*duplicateKeyError](err); twice {
		return nil, errors.New("an object in it has a key twice") // the key may be secret
	}
	if err != nil {
		return nil, err
	}
	return c.plain(tree, levels, inList)
}

// mergeInto overrides the settings of into with those of from, which it neither modifies
// nor shares an object with.
func mergeInto(into, from map[string]any) {
	for key, value := range from {
		object, ok := value.(map[string]any)
		if !ok {
			into[key] = value
			continue
		}
		lower, ok := into[key].(map[string]any)
		if !ok {
			lower = make(map[string]any, len(object))
			into[key] = lower
		}
		mergeInto(lower, object)
	}
}
