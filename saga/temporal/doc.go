// Package temporal runs the sagas of package saga as workflows of Temporal: the same
// definition, chosen by one line.
//
//	run := saga.New(Checkout, saga.SQL{DB: db}) // in a database
//	run := temporal.New(Checkout, client)       // in Temporal
//
// Both are a saga.Runner, which is the type for a choice at run time.
//
// # Which one
//
// A database that the service has anyway is enough for most sagas: nothing else must run, a
// run can start in the transaction of the row that it is about, and a step costs two row
// writes. Temporal is for work that outgrows one database: many runs at once, spread over
// many servers; waits of months; teams that look at all their workflows in one place. It is
// a system of its own that somebody operates. Argo Workflows is for jobs rather than
// requests: each step is a pod of Kubernetes, which takes seconds to start. Use it for
// pipelines that run for minutes or hours, and a saga for what a user waits for.
//
// # Guarantees
//
// They are those of saga.Runner. A run is durable when Start returns nil; a step has one
// idempotency key however often it runs; a step whose worker has died is called again after
// Policy.Lease, by any worker. All that a worker decides is computed by the state machine of
// package saga from the history of the workflow, so that every worker, and every reader,
// comes to the same result. Get and Wait compute it, too: they need no worker.
//
// # In Temporal
//
// The run o-7 of the saga checkout is the workflow "checkout/o-7" of the type "saga/checkout".
// A step is an activity with the path of the step as its name, its Undo one with "/~undo"
// behind it. The query "run" answers with the run as JSON:
//
//	temporal workflow query --workflow-id checkout/o-7 --type run
//
// The result of the workflow is the last state. The workflow of a run that is undone has
// failed, with the type "undone" and the cause. To cancel the workflow is to Cancel the run.
// To terminate it leaves everything as it is: nothing is undone, and Wait returns
// fault.Aborted. The memo "saga" has the phase of a run that is parked or undone.
//
// # Versions
//
// Each version of a definition has its own task queue, such as "saga/checkout/1", so that
// old and new processes run side by side during a deployment. A run of a version that no
// process knows waits, and Stuck lists it, with the state with which it began. So does a run
// whose Steps have changed without another Version. [Runner.Register] is for a test that
// replays recorded histories, and finds such a change before it is deployed.
//
// # What differs from a store
//
//   - A run cannot start in a transaction of a database. Publish an event by eventbus/outbox
//     in the transaction, and Start the run in its handler: the same ID again is the same run.
//   - After the end of a run Temporal remembers it for the retention period of the namespace.
//     Then Get returns fault.NotFound, and the same ID is another run.
//   - The list of Stuck, and the metrics, may be some moments behind. The metrics are those
//     of package saga, except for oldest_seconds and overdue_seconds.
//   - A state, and an event, has at most Policy.MaxState bytes of JSON. A step that returns
//     more fails.
//   - When the history of a workflow has about 4,000 events or 4 MB, another workflow
//     continues the run when no step is running; the history of the run then begins with
//     its last 1,000 entries. A workflow ends by force at 50,000 events: branches of Parallel
//     of which always one is running must not have more, about 5,000 steps.
//   - A step that runs learns within about a second that its context has ended.
//   - An entry of the history that no step has caused has the worker "temporal".
package temporal
