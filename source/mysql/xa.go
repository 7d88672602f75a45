package mysql

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/meepo-replicate/meepo/source"
)

// prepareXA ends the first half of an XA transaction. Its rows become visible in the second.
func (d *logDecoder) prepareXA(h *replication.EventHeader, data []byte) error {
	onePhase, xid, err := parseXID(data)
	if err != nil {
		return err
	}
	if onePhase {
		d.group.xa = false
		d.commit(h)
		return nil
	}
	rows := d.group.rows
	d.group.rows, d.group.xa = nil, false
	if d.held += len(rows); d.held > maxHeld {
		return fmt.Errorf("prepared XA transactions hold more than %d changes", maxHeld)
	}
	d.prepared[xid] = rows
	d.commit(h)
	return nil
}

func (d *logDecoder) finishXA(stmt statement) error {
	rows, ok := d.prepared[stmt.xid]
	if stmt.kind == stmtXACommit && !ok && !d.group.xa {
		return &source.HintError{
			Err:    errors.New("XA COMMIT of a transaction that was prepared before this log was followed: its rows are unknown"),
			Advice: "start with a new state file to copy the tables anew, while no XA transaction is prepared: XA RECOVER",
		}
	}
	delete(d.prepared, stmt.xid)
	d.held -= len(rows)
	if stmt.kind == stmtXACommit {
		d.add(rows...)
	} else {
		d.group.rows = nil
	}
	return nil
}

// parseXID reads the event that ends an XA transaction, and writes its id as XA COMMIT will name it.
func parseXID(data []byte) (onePhase bool, xid string, err error) {
	const fields = 13 // one byte, then format and two lengths of four bytes each
	if len(data) < fields {
		return false, "", errCutShort
	}
	format, first, second := binary.LittleEndian.Uint32(data[1:]), binary.LittleEndian.Uint32(data[5:]), binary.LittleEndian.Uint32(data[9:])
	id := data[fields:]
	if uint64(first)+uint64(second) > uint64(len(id)) {
		return false, "", errCutShort
	}
	return data[0] != 0, fmt.Sprintf("x%x,x%x,%d", id[:first], id[first:first+second], int32(format)), nil
}
