package apitest

import (
	"bytes"
	"strings"
)

// parameters compares what travels beside the body of a request.
func (c *comparison) parameters(at place, old, current []*parameter) {
	c.compared = map[pairing]bool{}
	for i, was := range old {
		at.part = was.subject()
		is := counterpart(was, i, current)
		if is == nil {
			c.add(at, "was "+was.String()+" and is gone, so that it is ignored", "accept it again", callers)
			continue
		}
		if is.Required && !was.Required {
			c.add(at, "was optional and is required", "accept requests without it", callers)
		}
		if was.Default != nil && !bytes.Equal(was.Default, is.Default) {
			c.add(at, "was "+string(was.Default)+" where it is absent, and is "+is.whenAbsent(),
				"bring the default back", callers)
		}
		shape := &is.shape
		if was.In == "query" && shape.Type == listForm && was.Type != listForm { // one value is a list of one
			shape = shape.Of
		}
		c.value(at, &was.shape, shape, sent)
	}
	for i, is := range current {
		if at.part = is.subject(); is.Required && counterpart(is, i, old) == nil {
			c.add(at, "is new, "+is.String()+", and required", "accept requests without it", callers)
		}
	}
}

// headers compares the headers of an answer.
func (c *comparison) headers(at place, old, current []*parameter) {
	c.compared = map[pairing]bool{}
	for i, was := range old {
		at.part = was.subject() + " of the answer"
		switch is := counterpart(was, i, current); {
		case is == nil:
			c.add(at, "was "+was.String()+" and is gone", "bring it back", callers)
		case was.Required && !is.Required:
			c.add(at, "was always there and is optional", "write it always", callers)
		default:
			c.value(at, &was.shape, &is.shape, read)
		}
	}
}

// counterpart returns the parameter of all that p, the i-th, is on the wire. Those of a path
// have a position and no name there, and headers have no upper and lower case.
func counterpart(p *parameter, i int, all []*parameter) *parameter {
	if p.In == pathParameter {
		if i < len(all) && all[i].In == pathParameter {
			return all[i]
		}
		return nil
	}
	for _, other := range all {
		if other.In == p.In && (other.Name == p.Name || p.In == "header" && strings.EqualFold(other.Name, p.Name)) {
			return other
		}
	}
	return nil
}

// subject names the parameter in a sentence.
func (p *parameter) subject() string {
	switch p.In {
	case pathParameter:
		return "path variable " + p.Name
	case "query":
		return "query parameter " + p.Name
	}
	return p.In + " " + p.Name
}

func (p *parameter) whenAbsent() string {
	if p.Default == nil {
		return "nothing"
	}
	return string(p.Default)
}
