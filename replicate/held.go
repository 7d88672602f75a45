package replicate

import (
	"context"
	"sync"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/replicate/state"
	"github.com/meepo-replicate/meepo/source"
)

// held keeps what transactions in two phases have changed, from their Prepare to their end: no read
// sees it before. It is in the state, too, no later than any position past it, since the log will not
// tell it again. The intake is its only writer.
//
// All together hold at most limit keys. Beyond that, the largest transaction gives up its keys and keeps
// its tables, each as a gap: they are copied and swept when it commits.
type held struct {
	limit int

	mu   sync.Mutex
	open map[string]*heldTransaction
	keys int
}

type heldTransaction struct {
	changes []state.Held // the first says that there is such a transaction
	keys    int
	whole   map[source.Table]bool // tables that have a gap, so that their keys need not be kept
	spilled bool                  // keeps tables only
	ended   bool                  // since the last position: after a lost connection its end may come again
}

func newHeld(limit int, saved []state.Held) *held {
	h := &held{limit: limit, open: map[string]*heldTransaction{}}
	for _, c := range saved {
		tx := h.open[c.XID]
		if tx == nil {
			tx = &heldTransaction{whole: map[source.Table]bool{}}
			h.open[c.XID] = tx
		}
		h.restore(tx, c)
	}
	return h
}

func (h *held) restore(tx *heldTransaction, c state.Held) {
	tx.changes = append(tx.changes, c)
	switch action := source.Action(c.Action); {
	case action.OfRow():
		tx.keys++
		h.keys++
	case action == source.Gap:
		tx.whole[tableOf(c)] = true
	}
}

// append adds a change to a transaction, and to what is to be saved.
func (h *held) append(tx *heldTransaction, c state.Held, change *state.Change) {
	if n := len(tx.changes); n > 0 {
		c.Number = tx.changes[n-1].Number + 1
	}
	h.restore(tx, c)
	change.Hold = append(change.Hold, c)
}

func (h *held) gap(tx *heldTransaction, xid string, table source.Table, change *state.Change) {
	if !tx.whole[table] {
		h.append(tx, state.Held{XID: xid, Schema: table.Schema, Name: table.Name, Action: uint8(source.Gap)}, change)
	}
}

// begin opens a transaction; another one of the name is void.
func (h *held) begin(xid string, change *state.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.beginLocked(xid, change)
}

func (h *held) beginLocked(xid string, change *state.Change) *heldTransaction {
	h.drop(xid)
	change.Merge(state.Change{Release: []string{xid}})
	tx := &heldTransaction{whole: map[source.Table]bool{}}
	h.open[xid] = tx
	h.append(tx, state.Held{XID: xid, Action: uint8(source.Prepare)}, change)
	return tx
}

func (h *held) drop(xid string) {
	if tx := h.open[xid]; tx != nil {
		h.keys -= tx.keys
		delete(h.open, xid)
	}
}

// add keeps a change of a transaction. It returns the name of the one that gave up its keys for it.
func (h *held) add(e source.Event, change *state.Change) (spilled string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	tx := h.open[e.XID]
	if tx == nil || tx.ended {
		tx = h.beginLocked(e.XID, change)
	}
	switch {
	case tx.whole[e.Table]:
	case tx.spilled, !e.Action.OfRow():
		h.gap(tx, e.XID, e.Table, change)
	default:
		h.append(tx, state.Held{XID: e.XID, Schema: e.Table.Schema, Name: e.Table.Name, Action: uint8(e.Action), Key: string(e.Key)}, change)
	}
	if h.keys <= h.limit {
		return ""
	}
	return h.spill(change)
}

// spill makes the largest open transaction give up its keys.
func (h *held) spill(change *state.Change) (xid string) {
	var largest *heldTransaction
	for id, tx := range h.open {
		if !tx.ended && tx.keys > 0 && (largest == nil || tx.keys > largest.keys) {
			largest, xid = tx, id
		}
	}
	if largest == nil {
		return ""
	}
	changes := largest.changes
	spilled := h.beginLocked(xid, change)
	spilled.spilled = true
	for _, c := range changes[1:] {
		h.gap(spilled, xid, tableOf(c), change)
	}
	return xid
}

// end closes a transaction and returns what it has changed. False: it is not known.
func (h *held) end(xid string, change *state.Change) (*heldTransaction, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change.Merge(state.Change{Release: []string{xid}})
	tx := h.open[xid]
	if tx == nil {
		return nil, false
	}
	tx.ended = true
	return tx, true
}

// passed forgets what has ended: the log does not go back behind a position.
func (h *held) passed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for xid, tx := range h.open {
		if tx.ended {
			h.drop(xid)
		}
	}
}

// cover makes a table whole in every open transaction: nobody has followed what they changed in it.
func (h *held) cover(table source.Table, change *state.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for xid, tx := range h.open {
		if !tx.ended {
			h.gap(tx, xid, table, change)
		}
	}
}

// altered makes a table whole, under the name that it has now, in the open transactions that have
// changed it: their keys may be of another form now. MySQL and MariaDB do not let that happen.
func (h *held) altered(table, now source.Table, change *state.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for xid, tx := range h.open {
		if !tx.ended && tx.touches(table) {
			h.gap(tx, xid, now, change)
		}
	}
}

func (tx *heldTransaction) touches(table source.Table) bool {
	for _, c := range tx.changes {
		if tableOf(c) == table {
			return true
		}
	}
	return false
}

// count returns how many transactions are open, and how many keys they have.
func (h *held) count() (transactions, keys int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, tx := range h.open {
		if !tx.ended {
			transactions++
			keys += tx.keys
		}
	}
	return transactions, keys
}

func tableOf(c state.Held) source.Table { return source.Table{Schema: c.Schema, Name: c.Name} }

// inTwoPhases handles an event of a transaction in two phases.
func (r *Replicator) inTwoPhases(ctx context.Context, e source.Event, t *token, docs []mappings.DocKey) ([]mappings.DocKey, error) {
	switch e.Action {
	case source.Prepare:
		r.held.begin(e.XID, &t.change)
	case source.Rollback:
		r.held.end(e.XID, &t.change)
	case source.Commit:
		return r.commitHeld(ctx, e.XID, t, docs)
	default:
		if xid := r.held.add(e, &t.change); xid != "" {
			r.log.Warn("prepared XA transactions have changed too many rows to keep all their keys: the tables of the largest are copied anew when it commits",
				"xid", xid, "most_keys", r.held.limit)
		}
	}
	return docs, nil
}

// commitHeld makes dirty what a transaction has changed, now that it can be seen.
func (r *Replicator) commitHeld(ctx context.Context, xid string, t *token, docs []mappings.DocKey) ([]mappings.DocKey, error) {
	tx, known := r.held.end(xid, &t.change)
	if !known {
		r.commitUnknown(xid, t)
		return docs, nil
	}
	var err error
	for _, c := range tx.changes {
		action, table := source.Action(c.Action), tableOf(c)
		switch {
		case action == source.Gap:
			err = r.appeared(ctx, table, t, "changed by an XA transaction whose keys were not kept")
		case action.OfRow() && !tx.whole[table]:
			docs, err = r.takeIn(ctx, source.Event{Action: action, Table: table, Key: source.Key(c.Key)}, t, docs[:0])
		}
		if err != nil {
			return docs, err
		}
	}
	return docs, nil
}

// coverUnfollowed looks after tables that the run before did not follow, or had parked.
func (r *Replicator) coverUnfollowed(snap state.Snapshot, change *state.Change) {
	followed := map[string]bool{}
	for _, p := range snap.Plans {
		followed[p.Source] = true
	}
	for _, table := range r.plans.described() {
		if !followed[table.String()] {
			r.held.cover(table, change)
		}
	}
}

// commitUnknown has every table copied anew: the transaction was prepared before its log was followed,
// so nothing tells which it has changed.
func (r *Replicator) commitUnknown(xid string, t *token) {
	r.log.Warn("an XA transaction has committed that was prepared before the first run, or before --fresh: what it has changed is unknown, so every table is copied anew",
		"xid", xid)
	for _, f := range r.plans.all() {
		r.emptied(f.plan.ID())
		r.addJobs(f, &t.change, "XA transaction of unknown changes", state.Backfill, state.Sweep)
	}
}
