package mysql

import (
	"encoding/binary"
	"fmt"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/meepo-replicate/meepo/source"
)

// An XA transaction is two groups of the log, each with its own GTID: the first has its rows and
// ends with PREPARE, the second is XA COMMIT or XA ROLLBACK. Nothing sees the rows before the second,
// whatever GTIDs were waited for. MySQL logs XA COMMIT … ONE PHASE as a first group that says so at its
// end only; MariaDB logs that as any transaction.

// startXA begins the rows of an XA transaction.
func (d *logDecoder) startXA(xid string) {
	d.group.xid = xid
	d.xas++
	d.add(source.Event{Action: source.Prepare})
}

// endXA tells how an XA transaction ended, if there is one.
func (d *logDecoder) endXA(action source.Action, xid string) {
	if d.group.xid = ""; xid != "" {
		d.add(source.Event{Action: action, XID: xid})
	}
}

// prepareXA ends the first group.
func (d *logDecoder) prepareXA(h *replication.EventHeader, data []byte) error {
	onePhase, xid, err := parseXID(data)
	if err != nil {
		return err
	}
	if xid != d.group.xid {
		return fmt.Errorf("XA transaction %s ends as %s", d.group.xid, xid)
	}
	if onePhase {
		d.endXA(source.Commit, xid)
	}
	d.commit(h)
	return nil
}

// parseXID reads the event that ends the first group, and writes the id as XA COMMIT will name it.
func parseXID(data []byte) (onePhase bool, xid string, err error) {
	const fields = 13 // one byte, then format and two lengths of four bytes each
	if len(data) < fields {
		return false, "", errCutShort
	}
	format, first, second := binary.LittleEndian.Uint32(data[1:]), binary.LittleEndian.Uint32(data[5:]), binary.LittleEndian.Uint32(data[9:])
	xid, err = xidText(format, first, second, data[fields:])
	return data[0] != 0, xid, err
}

// preparedXID reads the id from the event that begins a first group on MariaDB; empty if it begins
// something else.
func preparedXID(ev *replication.MariadbGTIDEvent, raw []byte) (string, error) {
	const prepared, groupID = 64, 2 // flags
	if ev.Flags&prepared == 0 {
		return "", nil
	}
	at := replication.EventHeaderSize + 13 // sequence, domain, flags
	if ev.Flags&groupID != 0 {
		at += 8
	}
	const fields = 6 // format of four bytes, two lengths of one
	if len(raw) < at+fields {
		return "", errCutShort
	}
	return xidText(binary.LittleEndian.Uint32(raw[at:]), uint32(raw[at+4]), uint32(raw[at+5]), raw[at+fields:])
}

// xidText writes an id of two parts as the log's statements do.
func xidText(format, first, second uint32, id []byte) (string, error) {
	if uint64(first)+uint64(second) > uint64(len(id)) {
		return "", errCutShort
	}
	return fmt.Sprintf("x%x,x%x,%d", id[:first], id[first:first+second], int32(format)), nil
}
