package main

import (
	"fmt"

	"github.com/meepo-replicate/meepo/source"
)

// maxHeldEvents bounds what is kept of prepared XA transactions, here in memory only.
const maxHeldEvents = 1 << 20

// heldEvents keeps the events of XA transactions until those commit.
type heldEvents struct {
	open map[string]*heldTransaction
	kept int
}

type heldTransaction struct {
	from   source.Position // before it was prepared
	events []source.Event
	ended  bool // since the last position: after a lost connection its end may come again
}

// take handles an event with an XID. Of a commit it returns the transaction, or false if that was
// prepared before the first event.
func (h *heldEvents) take(e source.Event, from source.Position) (committed *heldTransaction, known bool, err error) {
	tx := h.open[e.XID]
	switch {
	case e.Action == source.Prepare:
		h.drop(e.XID)
		if h.open == nil {
			h.open = map[string]*heldTransaction{}
		}
		h.open[e.XID] = &heldTransaction{from: from}
	case tx == nil:
	case e.Action == source.Commit:
		tx.ended = true
		return tx, true, nil
	case e.Action == source.Rollback:
		tx.ended = true
	default:
		tx.events = append(tx.events, e)
		if h.kept++; h.kept > maxHeldEvents {
			return nil, false, fmt.Errorf("prepared XA transactions hold more than %d events", maxHeldEvents)
		}
	}
	return nil, e.Action != source.Commit, nil
}

func (h *heldEvents) drop(xid string) {
	if tx := h.open[xid]; tx != nil {
		h.kept -= len(tx.events)
		delete(h.open, xid)
	}
}

// passed forgets what has ended: the log does not go back behind a position.
func (h *heldEvents) passed() {
	for xid, tx := range h.open {
		if tx.ended {
			h.drop(xid)
		}
	}
}
