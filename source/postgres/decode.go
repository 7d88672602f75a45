package postgres

import (
	"context"
	"errors"
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
	size   int           // of the events' keys, in bytes
	whole  int           // events up to the last commit
	since  time.Time     // when the first of the events was decoded
	time   time.Time     // of the last commit
	end    pglogrepl.LSN // everything before is in the events, or was handed out
	given  pglogrepl.LSN // end, when a position was last handed out
	commit pglogrepl.LSN // of the transaction that is under way
	xid    uint32        // of the transaction that is under way
	inside bool          // a transaction is under way
	noted  bool          // it is among the unseen
	polled int           // events up to the last one that was found by a look at definitions
}

func newDecoder(s *Source, subs []source.Subscription) *decoder {
	return &decoder{src: s, subs: subs, tables: map[uint32]*relation{}, polls: newPolls(s, subs)}
}

// reset begins anew at a place; the server says again what its tables look like.
func (d *decoder) reset(ctx context.Context, at pglogrepl.LSN) error {
	now, err := d.src.currentSnapshot(ctx)
	if err != nil {
		return err
	}
	d.unseen.prune(now)
	if err := d.polls.begin(ctx); err != nil {
		return err
	}
	d.tables, d.events, d.size, d.whole, d.polled = map[uint32]*relation{}, nil, 0, 0, 0
	d.end, d.given, d.commit, d.xid, d.inside, d.noted = at, at, 0, 0, false, false
	return nil
}

// moved reports whether the log went on without events since a position was handed out.
func (d *decoder) moved() bool { return !d.inside && d.end > d.given }

// take hands out the first n events.
func (d *decoder) take(n int) []source.Event {
	events := slices.Clone(d.events[:n])
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
		d.tables[p.RelationID] = d.newRelation(p)
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
				d.polls.truncated[oid] = true
			}
		}
	case *pglogrepl.LogicalDecodingMessage:
		return d.said(p)
	}
	return nil
}

// add appends an event, whose transaction readers have to see from now on.
func (d *decoder) add(e source.Event) {
	if len(d.events) == 0 {
		d.since = time.Now()
	}
	if !d.noted && d.inside {
		d.unseen.add(d.xid)
		d.noted = true
	}
	d.events = append(d.events, e)
	d.size += len(e.Key)
}

// row decodes an insert or a delete, whose image may be of the key alone.
func (d *decoder) row(ctx context.Context, oid uint32, e source.Event, image *pglogrepl.TupleData, full bool) error {
	rel, err := d.ready(ctx, oid)
	if rel == nil || err != nil {
		return err
	}
	e.Table = rel.table
	if e.Key, err = rel.key(image, nil); err != nil {
		return d.unreadable(rel, err)
	}
	if full {
		values, err := rel.values(image, nil)
		if err != nil {
			return d.unreadable(rel, err)
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
		return d.unreadable(rel, err)
	}
	old := e.Key
	if p.OldTuple != nil {
		if old, err = rel.key(p.OldTuple, nil); err != nil {
			return d.unreadable(rel, err)
		}
	}
	if p.OldTupleType == pglogrepl.UpdateMessageTupleTypeOld {
		if e.Old, err = rel.values(p.OldTuple, nil); err != nil {
			return d.unreadable(rel, err)
		}
	}
	if e.New, err = rel.values(p.NewTuple, p.OldTuple); err != nil {
		return d.unreadable(rel, err)
	}
	if old != e.Key {
		d.add(source.Event{Action: source.Delete, Table: rel.table, Key: old, Old: e.Old})
		e = source.Event{Action: source.Insert, Table: rel.table, Key: e.Key, New: e.New}
	}
	d.add(e)
	return nil
}

// ready returns the table of a row, described, or nil if its rows are nothing to us.
func (d *decoder) ready(ctx context.Context, oid uint32) (*relation, error) {
	rel := d.tables[oid]
	if rel == nil {
		return nil, fmt.Errorf("the log has a row of table %d, and has not said which table that is", oid)
	}
	if !rel.wanted || rel.skipped {
		return nil, nil
	}
	if rel.keys == nil {
		if err := d.describe(ctx, rel); err != nil {
			return nil, err
		}
	}
	if rel.skipped {
		return nil, nil
	}
	return rel, nil
}

// describe finds out how a table's key is read. A table that is gone, or has no key now, has no rows for us; one
// whose definition is not that of the log any more has to be copied anew.
func (d *decoder) describe(ctx context.Context, rel *relation) error {
	def, err := d.src.describeOID(ctx, rel.oid)
	switch {
	case errors.Is(err, source.ErrNoTable):
		rel.skipped = true
		return nil
	case err != nil:
		return err
	case def.Refused != "":
		rel.skipped = true
		return nil
	}
	if err := rel.compile(def); err != nil {
		return d.unreadable(rel, err)
	}
	return nil
}

// unreadable has a table copied anew, of which the log has a row that cannot be read with what is known of it.
func (d *decoder) unreadable(rel *relation, why error) error {
	d.src.log.Warn("a row in the log does not fit the table as it is now, the table is copied again", "table", rel.table.String(), "why", why)
	rel.skipped = true
	d.add(source.Event{Action: source.Gap, Table: rel.table})
	return nil
}
