package eventstore

import (
	"context"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/fault"
)

// repeated reports whether the events are in the stream already, and returns the version of
// the last one.
func (a *appending) repeated(ctx context.Context, current bool) (version int64, isRepeat bool, err error) {
	lock := ""
	if current {
		lock = a.current()
	}
	versions := map[string]int64{}
	for some := range slices.Chunk(a.rows, maxInsert) {
		args := []any{a.stream}
		for _, r := range some {
			if r.chosenID {
				args = append(args, r.event.ID)
			}
		}
		if len(args) == 1 {
			continue
		}
		which := strings.Repeat(", ?", len(args)-1)[2:]
		err := a.tables.Each(ctx, a.tx, func(scan func(...any) error) (more bool, err error) {
			var id string
			var version int64
			err = scan(&id, &version)
			versions[id] = version
			return true, err
		}, `SELECT id, version FROM {events} WHERE stream = ? AND id IN (`+which+`)`+lock, args...)
		if err != nil {
			return 0, false, err
		}
	}
	if len(versions) == 0 {
		return 0, false, nil
	}
	first := versions[a.rows[0].event.ID]
	for i, r := range a.rows {
		if version = versions[r.event.ID]; version == 0 || version != first+int64(i) {
			return 0, true, fault.AlreadyExists.Errorf("eventstore %s, stream %s: some of the events were appended before, but not these %d one after the other: event %s is not where it would be",
				a.config.Table, a.stream, len(a.rows), r.event.ID)
		}
	}
	return version, true, nil
}
