package sourcetest

import (
	"fmt"

	"github.com/meepo-replicate/meepo/source"
)

// Prepare makes an entry of the log of the transaction's row changes, as the first half of a
// transaction in two phases: no reader sees them before CommitPrepared. Nobody else may change the rows
// until then, which is not checked.
func (tx *Tx) Prepare(xid string) error {
	m := tx.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.prepared[xid] != nil {
		return fmt.Errorf("prepare: %s is prepared already", xid)
	}
	changes, err := tx.apply()
	for _, t := range m.tables {
		t.undo(len(m.log) + 1)
	}
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	entry := []change{{event: source.Event{Action: source.Prepare, XID: xid}}}
	for _, c := range changes {
		c.event.XID = xid
		entry = append(entry, c)
	}
	m.prepared[xid] = tx
	m.append(entry)
	return nil
}

// CommitPrepared makes what was prepared under the name true.
func (m *Memory) CommitPrepared(xid string) error { return m.endPrepared(xid, source.Commit) }

// RollbackPrepared forgets what was prepared under the name.
func (m *Memory) RollbackPrepared(xid string) error { return m.endPrepared(xid, source.Rollback) }

func (m *Memory) endPrepared(xid string, action source.Action) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	tx := m.prepared[xid]
	if tx == nil {
		return fmt.Errorf("%s: %s is not prepared", action, xid)
	}
	if action == source.Commit {
		if _, err := tx.apply(); err != nil {
			return fmt.Errorf("commit %s: %w", xid, err)
		}
	}
	delete(m.prepared, xid)
	m.append([]change{{event: source.Event{Action: action, XID: xid}}})
	return nil
}
