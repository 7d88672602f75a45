package targettest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/meepo-replicate/meepo/targets"
)

// Know does nothing.
func (m *Memory) Know([]*targets.Destination) {}

// Compare holds ops against the stored documents, as ReadDocs shows them.
func (m *Memory) Compare(ctx context.Context, ops []targets.Op) ([]targets.Compared, error) {
	if m.BeforeCompare != nil {
		if err := m.BeforeCompare(ctx, ops); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.Compared += len(ops)
	results := make([]targets.Compared, len(ops))
	for i, op := range ops {
		var err error
		if results[i], err = m.compareOne(op); err != nil {
			return nil, fmt.Errorf("compare document %q of %s: %w", op.ID, op.Dest.Name, err)
		}
	}
	return results, nil
}

func (m *Memory) compareOne(op targets.Op) (targets.Compared, error) {
	var want []byte
	if op.Verb == targets.Upsert {
		reason := m.rejected[DocKey{op.Dest.Name, op.ID}]
		if op.ID == "" || len(op.ID) > MaxID {
			reason = fmt.Sprintf("id of %d bytes", len(op.ID))
		}
		fields, err := documentFields(op)
		if err == nil {
			want, err = json.Marshal((&memoryDest{fields: op.Dest.Fields}).shown(memoryDoc{fields: fields}, targets.Nest(op.Dest.Fields)))
		}
		if err != nil {
			reason = err.Error()
		}
		if reason != "" {
			return targets.Compared{Change: targets.Refuse, Reason: reason}, nil
		}
	}
	dest := m.dests[op.Dest.Name]
	var stored memoryDoc
	if dest != nil {
		stored = dest.docs[op.ID]
	}
	if !stored.found {
		if op.Verb == targets.Upsert {
			return targets.Compared{Change: targets.Create}, nil
		}
		return targets.Compared{}, nil
	}
	have, err := dest.body(stored)
	if err != nil {
		return targets.Compared{}, err
	}
	result := targets.Compared{Version: stored.version}
	switch op.Verb {
	case targets.Upsert:
		result.Differences, err = targets.NewDiffer(op.Dest.Fields, nil).Diff(want, have)
	case targets.Delete:
		result.Change = targets.Remove
	case targets.MarkDeleted:
		result.Differences, err = targets.Unmarked(op, have)
	}
	if len(result.Differences) > 0 {
		result.Change = targets.Update
	}
	return result, err
}
