package saga

import "github.com/sinew-go/sinew/endpoint"

// Participant takes part in a saga of the shape try, confirm, cancel.
type Participant[S any] struct {
	Name string
	// Try reserves what Confirm needs to succeed, Confirm makes it final, and Cancel gives it
	// back. Each may run again; Cancel must accept that nothing was reserved.
	Try, Confirm, Cancel endpoint.Endpoint[S, S]
}

// TCC returns the steps of a saga that tries all participants, and then confirms all. If a
// Try fails, those that may have begun are cancelled. When all have succeeded there is no way
// back: a Confirm is repeated until it succeeds, or parked. The paths of the steps are
// "try/<name>" and "confirm/<name>".
func TCC[S any](parts ...Participant[S]) []Step[S] {
	try := Step[S]{Name: "try", Pivot: true}
	confirm := Step[S]{Name: "confirm"}
	for _, p := range parts {
		if p.Try == nil || p.Confirm == nil || p.Cancel == nil {
			panic("saga.TCC: participant " + p.Name + ": Try, Confirm or Cancel is nil")
		}
		try.Steps = append(try.Steps, Step[S]{Name: p.Name, Do: p.Try, Undo: p.Cancel})
		confirm.Steps = append(confirm.Steps, Step[S]{Name: p.Name, Do: p.Confirm})
	}
	if len(parts) == 0 {
		panic("saga.TCC: there is no participant")
	}
	return []Step[S]{try, confirm}
}
