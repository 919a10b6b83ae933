package apitest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// direction is who meets what the other has written.
type direction int

const (
	// sent: the service reads what old callers send.
	sent direction = iota
	// read: old callers read what the service answers.
	read
	// published: old subscribers read what is published, and new ones what was published
	// before.
	published
)

func (d direction) whoIsLeft() string {
	if d == published {
		return subscribers
	}
	return callers
}

// pairing is two shapes that are compared. Recursive types meet the same ones again.
type pairing struct {
	old, new *shape
	dir      direction
}

// value compares two values and all that is in them.
func (c *comparison) value(at place, was, is *shape, dir direction) {
	old, oldNull := c.old.resolve(was)
	current, newNull := c.new.resolve(is)
	switch {
	case old.Type == anyForm || current.Type == anyForm:
	case dir == sent && oldNull && !newNull:
		c.add(at, "could be null and cannot", "make it a pointer again", callers)
	case dir != sent && newNull && !oldNull:
		c.add(at, "was never null and can be", "always give it a value, or add a member beside it", dir.whoIsLeft())
	}
	pair := pairing{old, current, dir}
	if c.compared[pair] {
		return
	}
	c.compared[pair] = true
	if dir != sent && !old.accepts(current) || dir != read && !current.accepts(old) {
		before, after := withoutNull(was).String(), withoutNull(is).String()
		if before == after { // two types of one name
			before, after = withoutNull(old).String(), withoutNull(current).String()
		}
		c.add(at, "was "+before+" and is "+after, insteadOfAChange(at), dir.whoIsLeft())
		return
	}
	c.enum(at, old, current, dir)
	if was.Ref != "" {
		at.owner, at.within = was.Ref, ""
	}
	switch {
	case old.Type != current.Type:
	case old.Type == streamForm:
		c.value(at, old.Of, current.Of, dir)
	case old.Type == listForm || old.Type == mapForm:
		c.value(at.element(old.Type), old.Of, current.Of, dir)
	case old.Type == objectForm:
		c.members(at, old, current, dir)
	}
}

func withoutNull(s *shape) *shape {
	same := *s
	same.Null = false
	return &same
}

func insteadOfAChange(at place) string {
	if at.path == "" {
		return "bring back what it was"
	}
	return "bring it back, and add a member beside it"
}

// enum compares the values that there may be.
func (c *comparison) enum(at place, old, current *shape, dir direction) {
	was, is := withoutNull(old).String(), withoutNull(current).String()
	missing := missing
	if old.Type == bytesForm {
		missing = missingMedia
	}
	add := func(problem, advice string) { c.add(at, "was "+was+problem, advice, dir.whoIsLeft()) }
	if dir != sent && old.Closed && len(old.Enum) > 0 {
		added := missing(current.Enum, old.Enum)
		switch {
		case len(current.Enum) == 0:
			add(" and can be any other, which its readers refuse", "bring the list of values back")
		case len(added) > 0:
			add(" and can be "+strings.Join(added, " and ")+", too, which its readers refuse",
				"first let all readers accept unknown values, or add a member beside it")
		}
	}
	if dir != read && len(current.Enum) > 0 {
		gone := missing(old.Enum, current.Enum)
		switch {
		case len(old.Enum) == 0:
			add(" and must be "+is, "accept any other again")
		case len(gone) > 0:
			add(" and can no longer be "+strings.Join(gone, " or "), "accept it again")
		}
	}
}

// members compares two objects.
func (c *comparison) members(at place, old, current *shape, dir direction) {
	for _, name := range slices.Sorted(maps.Keys(old.Members)) {
		was, is, where := old.Members[name], current.Members[name], at.member(name)
		if is == nil {
			c.memberIsGone(where, was, dir)
			continue
		}
		switch {
		case dir == sent && is.Required && !was.Required:
			c.add(where, "was optional and is required", "accept requests without it", callers)
		case dir != sent && is.Optional && !was.Optional:
			c.add(where, "was always there and is optional",
				"write it always, without omitempty and omitzero", dir.whoIsLeft())
		}
		c.field(where, was, is, dir)
		c.value(where, &was.shape, &is.shape, dir)
	}
	for _, name := range slices.Sorted(maps.Keys(current.Members)) {
		if is := current.Members[name]; dir == sent && is.Required && old.Members[name] == nil {
			c.add(at.member(name), "is new, "+is.String()+", and required", "accept requests without it", callers)
		}
	}
}

// field compares what only fields of messages of Protocol Buffers have.
func (c *comparison) field(at place, was, is *member, dir direction) {
	if was.Number != is.Number {
		c.add(at, fmt.Sprintf("had the number %d and has %d", was.Number, is.Number), "give it its number back", dir.whoIsLeft())
	}
	if was.JSONName != is.JSONName {
		problem := fmt.Sprintf("had %s in JSON and has %s", jsonName(was), jsonName(is))
		c.add(at, problem, "give it its json_name back", dir.whoIsLeft())
	}
	if was.OneOf != is.OneOf {
		problem := fmt.Sprintf("was in %s and is in %s, so that it clears other fields, or is cleared by them", oneOf(was), oneOf(is))
		c.add(at, problem, "put it back, and add a field beside it", dir.whoIsLeft())
		return // presence changes with it
	}
	switch {
	case was.Presence && !is.Presence:
		c.add(at, "could be absent and cannot be told from its zero value", "make it optional again", dir.whoIsLeft())
	case is.Presence && !was.Presence:
		c.add(at, "was zero where it was not sent and can be absent", "leave it without optional", dir.whoIsLeft())
	}
}

func jsonName(m *member) string {
	if m.JSONName == "" {
		return "its usual name"
	}
	return "the name " + m.JSONName
}

func oneOf(m *member) string {
	if m.OneOf == "" {
		return "no oneof"
	}
	return "the oneof " + m.OneOf
}

func (c *comparison) memberIsGone(at place, was *member, dir direction) {
	problem, advice := "was "+was.String()+" and is gone", "accept it again"
	switch {
	case dir != sent:
		advice = "bring it back beside what replaces it"
	case c.strict:
		problem += ", and the route is strict and refuses it"
	default:
		problem += ", so that what callers send in it is ignored"
	}
	c.add(at, problem, advice, dir.whoIsLeft())
}
