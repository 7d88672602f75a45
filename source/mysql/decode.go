package mysql

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/meepo-replicate/meepo/source"
)

// logDecoder turns the events of a log into source events, and knows at each of them where the log
// stands: what is committed, and which transaction is being read.
type logDecoder struct {
	src    *Source
	info   server
	subs   []source.Subscription
	shapes map[source.Table]*shape // what the catalog says, dropped when DDL comes by
	plans  map[uint64]*rowPlan     // how rows of a table map are read, by its table id
	// What an Alter is compared with. It outlives connections.
	met     map[source.Table][]columnDef // the columns by which rows were decoded; nil if they were left out
	unnamed map[source.Table]bool        // rows came without names of columns
	gone    map[source.Table][]string    // names of columns that went
	denied  map[source.Table]bool        // tables whose rows are skipped, since they may not be seen
	passed  map[source.Table]*gap        // tables whose rows are skipped, since they have no key that serves
	known   map[source.Table]bool        // subscribed tables met so far, for DROP DATABASE

	parser  *replication.BinlogParser
	format  []byte          // the last format description
	stopped bool            // the server ended the file it is of, since it was shut down
	jumped  map[string]bool // files that ended otherwise
	payload *payload        // of a compressed transaction that is being read
	body    []byte          // of the rows event being read

	at    position    // the last commit boundary
	place binlogPlace // where the reader is; may be inside of a group
	trace placeProof  // of place
	group group       // what is being read
	time  time.Time   // of the last commit

	events []source.Event
	size   int       // of the keys in events
	whole  int       // so many of events belong to committed groups
	since  time.Time // when the first of events came
	moved  bool      // at has moved since a position was handed out
	beat   bool      // a heartbeat has come since
	live   bool      // something else than the greeting has come on this connection
	xas    int       // XA transactions begun
}

// group is a transaction, or a statement that is its own.
type group struct {
	open    bool
	begun   bool        // it ends with a commit, else with its first statement
	commit  commitProof // of MySQL's GTID; zero: none
	gtid    gtid        // MariaDB's; sequence 0: none
	time    time.Time
	cut     bool   // a part of it was handed out
	unknown bool   // it has changed rows by statements, which was said
	xid     string // of an XA transaction that is being prepared, or committed in one phase
}

func newDecoder(s *Source, at position, subscriptions []source.Subscription) *logDecoder {
	d := &logDecoder{src: s, subs: subscriptions, known: map[source.Table]bool{},
		met: map[source.Table][]columnDef{}, unnamed: map[source.Table]bool{}, gone: map[source.Table][]string{},
		denied: map[source.Table]bool{}, jumped: map[string]bool{}}
	d.reset(at, s.server())
	return d
}

// listTables notes which tables there are, since DROP DATABASE does not name them.
func (d *logDecoder) listTables(ctx context.Context) error {
	patterns := make([]source.Pattern, len(d.subs))
	for i, sub := range d.subs {
		patterns[i] = sub.Tables
	}
	tables, err := d.src.Tables(ctx, "", patterns)
	for _, t := range tables {
		d.known[t] = true
	}
	return err
}

// reset forgets everything after a position, to read it again from there on a new connection.
func (d *logDecoder) reset(at position, info server) {
	if d.payload != nil {
		d.payload.close()
	}
	again := d.untell()
	*d = logDecoder{
		src: d.src, subs: d.subs, known: d.known, met: d.met, unnamed: d.unnamed, gone: d.gone, denied: d.denied, time: d.time, jumped: d.jumped,
		info: info, at: at.clone(), place: at.place,
		shapes: map[source.Table]*shape{}, plans: map[uint64]*rowPlan{}, passed: map[source.Table]*gap{},
		parser: newParser(info), beat: d.beat,
	}
	d.parser.SetRowsEventDecodeFunc(d.keepBody)
	d.add(again...)
	d.whole = len(d.events)
}

func newParser(info server) *replication.BinlogParser {
	p := replication.NewBinlogParser()
	p.SetFlavor(gomysql.MySQLFlavor)
	if info.flavor == flavorMariaDB {
		p.SetFlavor(gomysql.MariaDBFlavor)
	}
	p.SetTimestampStringLocation(time.UTC)
	return p
}

// keepBody stands in for the library's decoding of all columns of all tables.
func (d *logDecoder) keepBody(e *replication.RowsEvent, data []byte) error {
	at, err := e.DecodeHeader(data)
	if err == nil {
		d.body = data[at:]
	}
	return err
}

// decode takes in one event.
func (d *logDecoder) decode(ctx context.Context, raw []byte) (err error) {
	kind := replication.UNKNOWN_EVENT
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the event is malformed")
		}
		if err != nil && !errors.As(err, new(*passingError)) && ctx.Err() == nil {
			err = fmt.Errorf("decode %s at %s:%d: %w", kind, d.place.file, d.place.pos, err)
		}
	}()
	kind = replication.EventType(raw[4])
	inner := d.payload != nil
	if !inner {
		d.advance(raw)
	}
	switch {
	case kind == replication.TRANSACTION_PAYLOAD_EVENT:
		d.payload, err = openPayload(raw, d.format, d.info)
		if err == nil {
			d.payload.parser.SetRowsEventDecodeFunc(d.keepBody)
		}
		return err
	case kind == replication.TABLE_MAP_EVENT && d.info.flavor == flavorMariaDB:
		uncompressColumns(raw)
	}
	parser := d.parser
	if inner {
		parser = d.payload.parser
	}
	e, err := parser.Parse(raw)
	if err != nil {
		return parseError(err)
	}
	if err := d.dispatch(ctx, e, raw); err != nil {
		return err
	}
	if !d.group.open && !inner && d.at.kind == byFile {
		d.settle()
	}
	return nil
}

// advance follows the position in the log. It counts past 4 GiB, where the events' own wraps, and
// bridges events that have none, as MariaDB's from 11.4 on.
func (d *logDecoder) advance(raw []byte) {
	size, end := binary.LittleEndian.Uint32(raw[9:]), binary.LittleEndian.Uint32(raw[13:])
	switch replication.EventType(raw[4]) {
	case replication.HEARTBEAT_EVENT, replication.HEARTBEAT_LOG_EVENT_V2, replication.ROTATE_EVENT, replication.FORMAT_DESCRIPTION_EVENT:
		return
	}
	if placeless(raw) {
		return
	}
	d.live = true
	start := d.place.pos
	defer func() { d.traced(start, raw) }()
	if end == 0 {
		d.place.pos += uint64(size)
		return
	}
	pos := d.place.pos&^math.MaxUint32 | uint64(end)
	if pos+1<<31 < d.place.pos {
		pos += 1 << 32
	}
	d.place.pos = pos
}

// settle moves the position without GTIDs to where the reader is. What lies past 4 GiB cannot be
// asked for, so it stays before; nor is a place told before its file's head has come.
func (d *logDecoder) settle() {
	if d.place.pos <= math.MaxUint32 && d.at.place != d.place && d.trace.created != 0 {
		d.at.place, d.at.trace, d.moved = d.place, d.trace, true
	}
}

func (d *logDecoder) dispatch(ctx context.Context, e *replication.BinlogEvent, raw []byte) error {
	switch ev := e.Event.(type) {
	case *replication.FormatDescriptionEvent:
		d.format = raw
		d.began(raw)
		clear(d.plans) // a server numbers its tables anew when it starts
	case *replication.RotateEvent:
		return d.turned(binlogPlace{file: string(ev.NextLogName), pos: ev.Position}, raw)
	case *replication.HeartbeatEvent:
		d.beat, d.live = true, true
	case *replication.GTIDEvent:
		return d.beginMySQL(e, ev)
	case *replication.GtidTaggedLogEvent:
		return d.beginMySQL(e, &ev.GTIDEvent)
	case *replication.MariadbGTIDEvent:
		return d.beginMariaDB(ev, raw)
	case *replication.QueryEvent:
		return d.query(ctx, e.Header, ev)
	case *replication.XIDEvent:
		d.commit(e.Header)
	case *replication.RowsEvent:
		return d.rows(ctx, e.Header.EventType, ev)
	case *replication.ExecuteLoadQueryEvent:
		d.loadData(ctx, ev, raw)
	case *replication.GenericEvent:
		return d.generic(e.Header, ev)
	}
	return nil
}

// generic handles the events that the library knows by number only.
func (d *logDecoder) generic(h *replication.EventHeader, ev *replication.GenericEvent) error {
	switch h.EventType {
	case replication.XA_PREPARE_LOG_EVENT:
		return d.prepareXA(h, ev.Data)
	case replication.INCIDENT_EVENT:
		return &source.HintError{
			Err:    errors.New("the server notes that its log may lack changes (an incident event)"),
			Advice: "start with --fresh to copy the tables anew",
		}
	case replication.STOP_EVENT:
		d.stopped = true
		return nil
	case replication.RAND_EVENT, replication.USER_VAR_EVENT, replication.IGNORABLE_EVENT, replication.APPEND_BLOCK_EVENT,
		replication.DELETE_FILE_EVENT, replication.TRANSACTION_CONTEXT_EVENT, replication.VIEW_CHANGE_EVENT, replication.MARIADB_START_ENCRYPTION_EVENT:
		return nil
	}
	if h.Flags&replication.LOG_EVENT_IGNORABLE_F != 0 {
		return nil
	}
	return errors.New("this kind of event is unknown, and may not be skipped")
}

func (d *logDecoder) beginMySQL(e *replication.BinlogEvent, ev *replication.GTIDEvent) error {
	g := group{time: ev.ImmediateCommitTime(), commit: proven(ev)}
	if e.Header.EventType == replication.ANONYMOUS_GTID_EVENT {
		if d.at.kind == byGTID {
			return &source.HintError{
				Err:    errors.New("a transaction without GTID in a log that is followed by GTIDs"),
				Advice: "set gtid_mode=ON for good, then start with --fresh",
			}
		}
		g.commit = commitProof{}
	}
	d.begin(g)
	return nil
}

func (d *logDecoder) beginMariaDB(ev *replication.MariadbGTIDEvent, raw []byte) error {
	d.begin(group{begun: !ev.IsStandalone(), gtid: gtid{ev.GTID.DomainID, ev.GTID.ServerID, ev.GTID.SequenceNumber}})
	xid, err := preparedXID(ev, raw)
	if xid != "" {
		d.startXA(xid)
	}
	return err
}

// begin starts a group. One that has not ended by now has ended without saying so.
func (d *logDecoder) begin(g group) {
	if d.group.open {
		d.endXA(source.Commit, d.group.xid)
		d.commit(nil)
	}
	g.open = true
	d.group = g
}

// commit ends a group: what was read is a boundary.
func (d *logDecoder) commit(h *replication.EventHeader) {
	g := d.group
	d.group = group{}
	switch d.at.kind {
	case byGTID:
		if g.commit.gno != 0 {
			d.at.set.AddGTIDWithTag(g.commit.sid, g.commit.tag, g.commit.gno)
			d.at.commit = g.commit
		}
	case byMariaDB:
		if g.gtid.sequence != 0 {
			d.at.list = d.at.list.with(g.gtid)
		}
		d.at.server, d.at.place, d.at.trace = d.info.uuid, d.place, d.trace
	case byFile:
		d.settle()
	}
	if g.time.IsZero() && h != nil {
		g.time = time.Unix(int64(h.Timestamp), 0).UTC()
	}
	if g.time.After(d.time) {
		d.time = g.time
	}
	d.whole, d.moved = len(d.events), true
}

// add puts events into the batch, with the XA transaction that they are of.
func (d *logDecoder) add(events ...source.Event) {
	if len(d.events) == 0 && len(events) > 0 {
		d.since = time.Now()
	}
	for _, e := range events {
		if d.group.xid != "" {
			e.XID = d.group.xid
		}
		d.size += len(e.Key) + 8
		d.events = append(d.events, e)
	}
}

// take cuts a batch of the first n events.
func (d *logDecoder) take(n int) source.Batch {
	batch := source.Batch{Events: d.events[:n:n], Time: d.time, Fence: d.at.fence()}
	if n > d.whole {
		batch.Fence, d.group.cut = d.fenceInside(), true
		if d.group.time.After(batch.Time) {
			batch.Time = d.group.time
		}
	}
	d.events = append(make([]source.Event, 0, len(d.events)-n), d.events[n:]...)
	d.whole = max(0, d.whole-n)
	d.size, d.since = 0, time.Now()
	for _, e := range d.events {
		d.size += len(e.Key) + 8
	}
	return batch
}

// fenceInside includes the transaction that is being read.
func (d *logDecoder) fenceInside() source.Fence {
	switch g := d.group; d.at.kind {
	case byGTID:
		set := d.at.set.Clone().(*gomysql.MysqlGTIDSet)
		if c := g.commit; c.gno != 0 {
			set.AddGTIDWithTag(c.sid, c.tag, c.gno)
		}
		return gtidFence(set.String())
	case byMariaDB:
		list := d.at.clone().list
		if g.gtid.sequence != 0 {
			list = list.with(g.gtid)
		}
		// Any place within the transaction will do: a snapshot stands at a commit.
		return mariadbFence(d.info.uuid, d.place.file, d.place.pos, list.String())
	}
	return d.at.fence()
}

func (d *logDecoder) matches(t source.Table) bool {
	for _, sub := range d.subs {
		if d.src.matches(sub.Tables, t) {
			return true
		}
	}
	return false
}

// inner returns the next event of a compressed transaction, nil when there is none.
func (d *logDecoder) inner() ([]byte, error) {
	if d.payload == nil {
		return nil, nil
	}
	raw, err := d.payload.next()
	if raw == nil {
		d.payload.close()
		d.payload = nil
	}
	return raw, err
}

func (d *logDecoder) debug(ctx context.Context, message string, t source.Table, reason string) {
	d.src.log.DebugContext(ctx, message, slog.String("table", t.String()), slog.String("reason", reason))
}
