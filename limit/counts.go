package limit

// counts are the calls that a limiter counted until one moment, or between two. Sums of times
// are in ns.
type counts struct {
	succeeded int64 // while their caller waited
	timed     int64 // of succeeded
	spent     int64 // sum over timed
	baselines int64 // sum of the baselines of timed
	targets   int64 // sum of the target latencies of timed
	expired   int64 // timed calls without an answer in time, by anyone's deadline, and late failures
	lostTime  int64 // sum over expired
	served    int64 // of timed and expired: successes of the callee, even if too late
	late      int64 // of timed and expired
	shed      int64 // refused by the callee for overload
	refused   int64 // by the limiter
}

func (c counts) since(before counts) counts {
	return counts{
		succeeded: c.succeeded - before.succeeded,
		timed:     c.timed - before.timed,
		spent:     c.spent - before.spent,
		baselines: c.baselines - before.baselines,
		targets:   c.targets - before.targets,
		expired:   c.expired - before.expired,
		lostTime:  c.lostTime - before.lostTime,
		served:    c.served - before.served,
		late:      c.late - before.late,
		shed:      c.shed - before.shed,
		refused:   c.refused - before.refused,
	}
}
