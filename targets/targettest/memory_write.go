package targettest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/meepo-replicate/meepo/targets"
)

// MaxID is the length of the longest id that a Memory takes, in bytes.
const MaxID = 512

// Write stores ops between the hooks Before and After.
func (m *Memory) Write(ctx context.Context, ops []targets.Op) error {
	leave, err := m.enter(ops)
	if err != nil {
		return err
	}
	defer leave()

	var failed []targets.ItemError
	var retryAfter time.Duration
	if m.Before != nil {
		var partial *targets.PartialError
		switch err := m.Before(ctx, ops); {
		case errors.As(err, &partial):
			failed, retryAfter = slices.Clone(partial.Items), partial.RetryAfter
		case err != nil:
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	failed = m.store(ops, failed)
	if m.After != nil {
		var partial *targets.PartialError
		switch err := m.After(ctx, ops); {
		case errors.As(err, &partial):
			failed, retryAfter = append(failed, partial.Items...), max(retryAfter, partial.RetryAfter)
		case err != nil:
			return err
		}
	}
	if len(failed) == 0 {
		return nil
	}
	slices.SortFunc(failed, func(a, b targets.ItemError) int { return a.Index - b.Index })
	return &targets.PartialError{Items: failed, RetryAfter: retryAfter}
}

// Land stores ops without hooks and without watching: a request that was given up and is done
// after all, or another program's write.
func (m *Memory) Land(ops []targets.Op) []targets.ItemError {
	return m.store(ops, nil)
}

// enter notes that the documents of ops are under way and returns what ends that.
func (m *Memory) enter(ops []targets.Op) (leave func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, fmt.Errorf("write: %w", errClosed)
	}
	m.counts.Writes++
	m.counts.Ops += len(ops)
	var mine []DocKey
	for _, op := range ops {
		key := DocKey{op.Dest.Name, op.ID}
		if m.underway[key] {
			m.fault("document %q of %s is under way twice", key.ID, key.Dest)
		} else {
			m.underway[key] = true
			mine = append(mine, key)
		}
		if op.Version < m.sent[key] && !m.AllowOldVersions {
			m.fault("document %q of %s is sent with version %d after version %d", key.ID, key.Dest, op.Version, m.sent[key])
		}
		m.sent[key] = max(m.sent[key], op.Version)
		if op.Version <= 0 {
			m.fault("document %q of %s is sent with version %d", key.ID, key.Dest, op.Version)
		}
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, key := range mine {
			delete(m.underway, key)
		}
	}, nil
}

func (m *Memory) fault(format string, args ...any) {
	if m.t != nil {
		m.t.Errorf("target: "+format, args...)
	}
}

// store does all ops but those that failed names, and returns failed with what failed in addition.
func (m *Memory) store(ops []targets.Op, failed []targets.ItemError) []targets.ItemError {
	m.mu.Lock()
	defer m.mu.Unlock()
	spared := make(map[int]bool, len(failed))
	for _, item := range failed {
		spared[item.Index] = true
	}
	stored := 0
	for i, op := range ops {
		if spared[i] {
			continue
		}
		if item := m.storeOne(op); item.Class != 0 {
			item.Index = i
			failed = append(failed, item)
			continue
		}
		stored++
	}
	if stored > 0 {
		m.counts.Stored += stored
		close(m.changed)
		m.changed = make(chan struct{})
	}
	return failed
}

// storeOne does one op. An item without a class says that it is durable.
func (m *Memory) storeOne(op targets.Op) targets.ItemError {
	dest := m.dests[op.Dest.Name]
	if dest == nil {
		return targets.ItemError{Class: targets.Lost, Reason: "no such destination: " + op.Dest.Name}
	}
	if reason := m.rejected[DocKey{op.Dest.Name, op.ID}]; reason != "" {
		return targets.ItemError{Class: targets.Rejected, Reason: reason}
	}
	if op.ID == "" || len(op.ID) > MaxID {
		if op.Verb != targets.Upsert {
			return targets.ItemError{} // there never was such a document
		}
		return targets.ItemError{Class: targets.Rejected, Reason: fmt.Sprintf("id of %d bytes", len(op.ID))}
	}
	old := dest.docs[op.ID]
	next := memoryDoc{version: op.Version}
	switch op.Verb {
	case targets.Upsert:
		fields, err := documentFields(op)
		if err != nil {
			return targets.ItemError{Class: targets.Rejected, Reason: err.Error()}
		}
		next.found, next.fields = true, fields
	case targets.MarkDeleted:
		field, err := op.MarkField()
		if err != nil {
			return targets.ItemError{Class: targets.Rejected, Reason: err.Error()}
		}
		next.found, next.fields = old.found, maps.Clone(old.fields)
		if old.found && next.fields[field.Name] == nil {
			next.fields[field.Name] = op.Doc[0]
		}
	}
	if op.Version <= old.version {
		return conflict(op, old)
	}
	dest.docs[op.ID] = next
	return targets.ItemError{}
}

func conflict(op targets.Op, old memoryDoc) targets.ItemError {
	return targets.ItemError{
		Class:  targets.Conflict,
		Reason: fmt.Sprintf("version conflict: %d is not higher than %d", op.Version, old.version),
		Stored: old.version,
	}
}

// documentFields pairs an upsert's values with their fields and checks the values' types.
func documentFields(op targets.Op) (map[string]any, error) {
	if len(op.Doc) != len(op.Dest.Fields) {
		return nil, fmt.Errorf("%d values for %d fields", len(op.Doc), len(op.Dest.Fields))
	}
	fields := make(map[string]any, len(op.Doc))
	for i, field := range op.Dest.Fields {
		if err := CheckValue(field, op.Doc[i]); err != nil {
			return nil, fmt.Errorf("field %s: %w", field.Name, err)
		}
		fields[field.Name] = op.Doc[i]
	}
	return fields, nil
}
