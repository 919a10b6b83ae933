package flow

// Program is all versions of a definition.
type Program struct {
	Saga string
	// Plans are the versions; runs start under the first one.
	Plans []*Plan
}

// Plan returns a version, nil if it is not known.
func (p *Program) Plan(version int) *Plan {
	for _, plan := range p.Plans {
		if plan.Version == version {
			return plan
		}
	}
	return nil
}

// Current returns the version under which runs start.
func (p *Program) Current() *Plan { return p.Plans[0] }

// Versions returns the numbers of the versions.
func (p *Program) Versions() (all []int) {
	for _, plan := range p.Plans {
		all = append(all, plan.Version)
	}
	return all
}
