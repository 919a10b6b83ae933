// Package flow is the state machine of a saga, without input, output or a clock: which steps
// may run now, and what a result makes of a run. A [Plan] is the definition without its
// types; a [Run] is what is known of one run, as JSON. An engine, which keeps the run
// somewhere durable, repeats:
//
//	todo := run.Next(plan, now)  // save the run
//	result := plan.Call(ctx, run.Header(), todo.Tasks[0])
//	run.Apply(plan, result, now)
//
// and passes on what comes from outside with [Run.Signal]. The machine draws no random
// numbers, so that an engine may compute a run again from its inputs.
package flow
