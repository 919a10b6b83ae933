package saga

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Store keeps the runs of sagas. [Memory] and [SQL] are stores; package sagatest has the
// rules for another one. All times are the store's. It is safe for concurrent use.
type Store interface {
	// Insert stores a run that nobody works on, due now, as is the time of the history. If the saga has a run with this ID,
	// it returns that one instead, and changes nothing.
	Insert(ctx context.Context, r Record, history []Entry) (existing *Record, err error)
	// Claim claims runs of these versions of the saga that are due: nobody works on them, or
	// whoever does has not renewed its lease. The claim of a run is newer than all earlier
	// ones, which are lost. At most limit are claimed, those that are due the longest first.
	Claim(ctx context.Context, saga string, versions []int, lease time.Duration, limit int) ([]Claim, error)
	// Renew renews the lease of a claim. It returns [ErrClaimLost] if the claim is lost.
	Renew(ctx context.Context, c Claim, lease time.Duration) error
	// Save stores all of an update, or nothing. It returns [ErrClaimLost] if the claim is lost.
	Save(ctx context.Context, c Claim, u Update) error
	// Send stores a message for a run, and makes the run due unless somebody works on it or
	// it has ended. The messages of a run are numbered from 1. It returns false if the saga
	// has no such run.
	Send(ctx context.Context, saga, id string, message []byte) (exists bool, err error)
	// Messages returns the messages of a run after the one with this number, in order.
	Messages(ctx context.Context, saga, id string, after int64) ([]Message, error)
	// Get returns a run, nil if the saga has no such run.
	Get(ctx context.Context, saga, id string) (*Record, error)
	// History returns the history of a run, in order.
	History(ctx context.Context, saga, id string) ([]Entry, error)
	// Stuck returns the runs of which [Runner.Stuck] speaks, where versions are the known ones.
	Stuck(ctx context.Context, saga string, versions []int, age time.Duration, limit int) ([]Record, error)
	// Count counts the runs of a saga.
	Count(ctx context.Context, saga string) (Counts, error)
}

// Record is a run as a store has it.
type Record struct {
	Saga, ID string
	Version  int
	Phase    Phase
	// Data is the run, as JSON.
	Data []byte
	// Started is when the run was created, and Moved when it was last saved. The store sets
	// them.
	Started, Moved time.Time
}

// Claim is the right to work on a run. Whoever has it may save the run, until the claim is
// lost to another one.
type Claim struct {
	Record
	// Token is greater than that of every earlier claim of the run.
	Token int64
	// Now is when the run was claimed.
	Now time.Time
	// Sent is the number of the run's last message.
	Sent int64
	// Interrupted says that the claim before this one was lost, not released.
	Interrupted bool
}

// Update is what a Save changes.
type Update struct {
	// Phase and Data are those of the run.
	Phase Phase
	Data  []byte
	// History are entries to append.
	History []Entry
	// Read is the number of the last message that the run has read: the store may forget it
	// and those before it.
	Read int64
	// Release ends the claim. The run is due at Due; a zero Due is never. If it has messages
	// after Read it is due at once, unless it has ended.
	Release bool
	Due     time.Time
}

// Message is a message to a run.
type Message struct {
	N    int64
	Data []byte
}

// Counts are the numbers of runs.
type Counts struct {
	// Runs are the runs by phase.
	Runs map[Phase]int64
	// Oldest is how long the run has not moved that has not for the longest, of those that
	// have not ended. Overdue is how long the run that is due waits for a worker.
	Oldest, Overdue time.Duration
}

// ErrClaimLost is the error of a store for a claim that is lost: another worker has the run.
var ErrClaimLost error = fault.Aborted.Errorf("another worker has claimed the run").WithReason(fault.ReasonClaimLost)

// isEnd reports whether a run in this phase has ended.
func isEnd(p Phase) bool { return p == Done || p == Undone }
