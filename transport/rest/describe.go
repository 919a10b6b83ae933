package rest

import (
	"cmp"
	"slices"

	"github.com/sinew-go/sinew/internal/contracts"
)

// Describe describes the route to package apitest, which compares it with what callers
// depend on. It panics if the route does not fit its types, as [Route.Handle] does.
func (r Route[Req, Resp]) Describe() contracts.Operation {
	c := r.contract(nil)
	op := contracts.Operation{
		Kind: contracts.Route, Name: c.method + " " + c.path, Status: c.status, Keyed: c.keyed, Parameters: c.parameters(), Headers: c.headers(),
		Answer: contracts.ValueOf(c.json.t, nil),
	}
	if c.request.body {
		op.Strict, op.MaxBody = c.strict, c.bodyLimit
		op.Request = contracts.ValueOf(c.request.t, c.request.elsewhere())
	}
	if whole := c.request.whole; whole != nil {
		op.Strict, op.MaxBody, op.Request = c.strict, c.describedLimit(), whole.describe()
	}
	switch {
	case c.values != nil:
		op.Answer = contracts.Value{Type: c.values.data.t, Stream: true}
	case c.response.whole != nil:
		op.Answer = c.response.whole.describe()
	}
	return op
}

// parameters describes the fields that travel outside of the body.
func (c *contract) parameters() (all []contracts.Parameter) {
	for _, f := range c.request.fields {
		all = append(all, contracts.Parameter{In: f.in, Name: f.name, Required: f.in == "path", Schema: f.schema()})
	}
	variables := c.variables()
	slices.SortStableFunc(all, func(a, b contracts.Parameter) int {
		return cmp.Compare(position(variables, a), position(variables, b))
	})
	return all
}

// headers describes the fields of an answer that travel in its header.
func (c *contract) headers() (all []contracts.Parameter) {
	for _, f := range c.response.fields {
		all = append(all, contracts.Parameter{In: f.in, Name: f.name, Schema: f.schema()})
	}
	return all
}

// position returns where in the path a parameter is; others come after it.
func position(variables []string, p contracts.Parameter) int {
	if p.In == "path" {
		return slices.Index(variables, p.Name)
	}
	return len(variables)
}
