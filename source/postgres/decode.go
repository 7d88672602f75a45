package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pglogrepl"

	"github.com/meepo-replicate/meepo/source"
)

// decoder turns the messages of pgoutput into events. It knows a table by the number that its definition keeps
// over a rename.
type decoder struct {
	src    *Source
	subs   []source.Subscription
	tables map[uint32]*relation
	unseen unseen
	polls  *polls

	events []source.Event
	size   int            // of the events' keys, in bytes
	whole  int            // events up to the last commit
	since  time.Time      // when the first of the events was decoded
	time   time.Time      // of the last commit
	end    pglogrepl.LSN  // everything before is in the events, or was handed out
	given  pglogrepl.LSN  // end, when a position was last handed out
	commit pglogrepl.LSN  // of the transaction that is under way
	xid    uint32         // of the transaction that is under way
	inside bool           // a transaction is under way
	noted  bool           // it is among the unseen
	owed   []source.Table // gaps that are the first of the events, and come again until they are handed out
	polled int            // events up to the last one that was found by a look at definitions
}

func newDecoder(s *Source, subs []source.Subscription) *decoder {
	return &decoder{src: s, subs: subs, tables: map[uint32]*relation{}, polls: newPolls(s, subs)}
}

// reset begins anew at a place; the server says again what its tables look like. After a failover each table has a gap: the
// former primary may have shown rows of commits that never came to this one, and that its log will not tell of.
func (d *decoder) reset(ctx context.Context, at pglogrepl.LSN, failedOver bool) error {
	now, err := d.src.currentSnapshot(ctx)
	if err != nil {
		return err
	}
	d.unseen.prune(now)
	if err := d.polls.begin(ctx); err != nil {
		return err
	}
	before := d.tables
	d.tables, d.events, d.size, d.whole, d.polled = map[uint32]*relation{}, nil, 0, 0, 0
	d.end, d.given, d.commit, d.xid, d.inside, d.noted = at, at, 0, 0, false, false
	for _, rel := range before { // the log does not come again to rows that a position was handed out behind
		if rel.missed && rel.wanted {
			d.owe(rel.table)
		}
	}
	if failedOver {
		d.src.log.WarnContext(ctx, "the source failed over: all tables are copied anew, since rows may have been read that it does not have any more")
		for _, known := range d.polls.known.of {
			d.owe(known.table)
		}
	}
	for _, table := range d.owed {
		d.add(source.Event{Action: source.Gap, Table: table})
	}
	d.whole = len(d.events)
	return nil
}

func (d *decoder) owe(table source.Table) {
	if !slices.Contains(d.owed, table) {
		d.owed = append(d.owed, table)
	}
}

// moved reports whether the log went on without events since a position was handed out.
func (d *decoder) moved() bool { return !d.inside && d.end > d.given }

// take hands out the first n events.
func (d *decoder) take(n int) []source.Event {
	events := slices.Clone(d.events[:n])
	d.owed = d.owed[min(n, len(d.owed)):]
	rest := copy(d.events, d.events[n:])
	clear(d.events[rest:])
	d.events, d.since = d.events[:rest], time.Now()
	if d.whole = max(d.whole-n, 0); d.whole == 0 {
		d.given = d.end
	}
	if d.polled > 0 {
		if d.polled = max(d.polled-n, 0); d.polled == 0 {
			d.polls.base = d.polls.known
		}
	}
	d.size = 0
	for _, e := range d.events {
		d.size += len(e.Key)
	}
	return events
}

// decode takes in one message.
func (d *decoder) decode(ctx context.Context, m message) error {
	if m.data == nil {
		if !d.inside { // inside, it may be of before the transaction's commit
			d.end = max(d.end, m.end)
		}
		return nil
	}
	parsed, err := pglogrepl.Parse(m.data)
	if err != nil {
		return fmt.Errorf("message %q of the log: %w", m.data[:1], err)
	}
	switch p := parsed.(type) {
	case *pglogrepl.BeginMessage:
		d.inside, d.noted, d.xid, d.commit = true, false, p.Xid, p.FinalLSN
	case *pglogrepl.CommitMessage:
		d.inside, d.end, d.time, d.whole = false, max(d.end, p.TransactionEndLSN), p.CommitTime.UTC(), len(d.events)
	case *pglogrepl.RelationMessage:
		d.described(d.newRelation(p))
	case *pglogrepl.InsertMessage:
		return d.row(ctx, p.RelationID, source.Event{Action: source.Insert}, p.Tuple, true)
	case *pglogrepl.UpdateMessage:
		return d.update(ctx, p)
	case *pglogrepl.DeleteMessage:
		return d.row(ctx, p.RelationID, source.Event{Action: source.Delete}, p.OldTuple, p.OldTupleType == pglogrepl.DeleteMessageTupleTypeOld)
	case *pglogrepl.TruncateMessage:
		for _, oid := range p.RelationIDs {
			if rel := d.tables[oid]; rel != nil && rel.wanted {
				d.add(source.Event{Action: source.Truncate, Table: rel.table})
			}
		}
	case *pglogrepl.LogicalDecodingMessage:
		d.passed(p)
		return d.said(ctx, p)
	}
	return nil
}

// add appends an event, whose transaction readers have to see from now on.
func (d *decoder) add(e source.Event) {
	if len(d.events) == 0 {
		d.since = time.Now()
	}
	d.note()
	d.events = append(d.events, e)
	d.size += len(e.Key)
}

// note has readers see the transaction that is under way, from now on.
func (d *decoder) note() {
	if !d.noted && d.inside {
		d.unseen.add(d.xid)
		d.noted = true
	}
}

// row decodes an insert or a delete, whose image may be of the key alone.
func (d *decoder) row(ctx context.Context, oid uint32, e source.Event, image *pglogrepl.TupleData, full bool) error {
	rel, err := d.ready(ctx, oid)
	if rel == nil || err != nil {
		return err
	}
	e.Table = rel.table
	if e.Key, err = rel.key(image, nil); err != nil {
		d.unreadable(rel, err)
		return nil
	}
	if full {
		values, err := rel.values(image, nil)
		if err != nil {
			d.unreadable(rel, err)
			return nil
		}
		if e.Action == source.Insert {
			e.New = values
		} else {
			e.Old = values
		}
	}
	d.add(e)
	return nil
}

// update decodes a change of a row. There is an old image only if the key has changed, or if the table's
// replica identity is FULL.
func (d *decoder) update(ctx context.Context, p *pglogrepl.UpdateMessage) error {
	rel, err := d.ready(ctx, p.RelationID)
	if rel == nil || err != nil {
		return err
	}
	e := source.Event{Action: source.Update, Table: rel.table}
	if e.Key, err = rel.key(p.NewTuple, p.OldTuple); err != nil {
		d.unreadable(rel, err)
		return nil
	}
	old := e.Key
	if p.OldTuple != nil {
		if old, err = rel.key(p.OldTuple, nil); err != nil {
			d.unreadable(rel, err)
			return nil
		}
	}
	if p.OldTupleType == pglogrepl.UpdateMessageTupleTypeOld {
		if e.Old, err = rel.values(p.OldTuple, nil); err != nil {
			d.unreadable(rel, err)
			return nil
		}
	}
	if e.New, err = rel.values(p.NewTuple, p.OldTuple); err != nil {
		d.unreadable(rel, err)
		return nil
	}
	if old != e.Key {
		d.add(source.Event{Action: source.Delete, Table: rel.table, Key: old, Old: e.Old})
		e = source.Event{Action: source.Insert, Table: rel.table, Key: e.Key, New: e.New}
	}
	d.add(e)
	return nil
}
