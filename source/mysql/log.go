package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

var (
	_ source.Log      = (*Source)(nil)
	_ source.Onlooker = (*Source)(nil)

	_ source.PositionReader = (*Source)(nil)
)

// Head returns the newest position whose transactions a reader can see, and its fence. The end of
// the log will not do: the server writes a transaction there before anyone can see its rows.
func (s *Source) Head(ctx context.Context) (source.Position, source.Fence, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return "", "", fmt.Errorf("find head of the log: %w", s.hinted(err))
	}
	defer conn.Close()
	st, read := s.opened()
	here, err := serverOf(conn)
	var at position
	if err == nil {
		at, err = s.head(ctx, conn, here)
	}
	if err != nil {
		return "", "", fmt.Errorf("find head of the log: %w", s.hinted(err))
	}
	if st != nil {
		st.compare(ctx, read, at, here.uuid)
	}
	return at.text(), at.fence(), nil
}

// Present is Head: both only look.
func (s *Source) Present(ctx context.Context) (source.Position, source.Fence, error) {
	return s.Head(ctx)
}

// ReadPosition reads a set of GTIDs as gtid_executed and gtid_current_pos show them, or, where there are none, file:position.
func (s *Source) ReadPosition(ctx context.Context, text string) (source.Position, error) {
	if _, err := parsePosition(source.Position(text)); err == nil {
		return source.Position(text), nil
	}
	head, _, err := s.Head(ctx)
	if err != nil {
		return "", err
	}
	here, err := parsePosition(head)
	if err != nil {
		return "", err
	}
	var full, form string
	switch here.kind {
	case byGTID:
		full, form = gtidPrefix+text, "a set of GTIDs, such as 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5, see @@gtid_executed"
	case byMariaDB:
		full, form = mariadbPrefix+text+";-:0@", "GTIDs such as 0-1-100, see @@gtid_current_pos"
	case byFile:
		full, form = filePrefix+here.server+"/"+text, "a file and a place in it, such as binlog.000003:157, see SHOW BINARY LOG STATUS"
	}
	if _, err := parsePosition(source.Position(full)); err != nil || strings.TrimSpace(text) == "" {
		return "", &source.HintError{Err: fmt.Errorf("%q is no position of this server", text), Advice: "write " + form}
	}
	return source.Position(full), nil
}

// opened returns the stream that was opened last, and how far it has read; nil: none.
func (s *Source) opened() (*stream, source.Position) {
	s.mu.Lock()
	st := s.open
	s.mu.Unlock()
	if st == nil {
		return nil, ""
	}
	return st, st.readTo()
}

func (s *Source) head(ctx context.Context, conn *sql.Conn, here server) (position, error) {
	info := s.server()
	info.flavor, info.uuid = here.flavor, here.uuid
	var logging bool
	if err := conn.QueryRowContext(ctx, "SELECT @@global.log_bin").Scan(&logging); err != nil {
		return position{}, err
	}
	switch {
	case !logging:
		return position{}, errNoLog
	case info.flavor == flavorMariaDB:
		return headByMariaDB(ctx, conn, info)
	case info.gtid:
		var executed string
		if err := conn.QueryRowContext(ctx, "SELECT @@global.gtid_executed").Scan(&executed); err != nil {
			return position{}, err
		}
		set, err := parseGTIDSet(executed)
		return position{kind: byGTID, set: set}, err
	}
	place, err := endOfLog(ctx, conn, info)
	return position{kind: byFile, server: info.uuid, place: place}, err
}

var errNoLog = &source.HintError{
	Err:    errors.New("the binary log is off"),
	Advice: "set log_bin and server_id in the server's configuration and restart it",
}

// headByMariaDB asks a consistent snapshot for its place in the log.
func headByMariaDB(ctx context.Context, conn *sql.Conn, info server) (at position, err error) {
	if _, err := conn.ExecContext(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"); err != nil {
		return position{}, err
	}
	defer func() { err = errors.Join(err, endSnapshot(ctx, &session{conn: conn})) }()
	status := map[string]string{}
	if err := eachPair(ctx, conn, "SHOW STATUS LIKE 'binlog_snapshot_%'", status); err != nil {
		return position{}, err
	}
	at = position{kind: byMariaDB, server: info.uuid, place: binlogPlace{file: status["Binlog_snapshot_file"]}}
	if at.place.file == "" {
		return position{}, errNoLog
	}
	if at.place.pos, err = strconv.ParseUint(status["Binlog_snapshot_position"], 10, 64); err != nil {
		return position{}, err
	}
	var list string
	err = conn.QueryRowContext(ctx, "SELECT COALESCE(BINLOG_GTID_POS(?, ?), '')", at.place.file, at.place.pos).Scan(&list)
	if err != nil {
		return position{}, err
	}
	at.list, err = parseGTIDList(list)
	return at, err
}

// endOfLog is the head without GTIDs. It may be ahead of what is visible, for which the locking
// reads behind its fence make up.
func endOfLog(ctx context.Context, conn *sql.Conn, info server) (binlogPlace, error) {
	query := "SHOW MASTER STATUS"
	if info.atLeast(8, 2) {
		query = "SHOW BINARY LOG STATUS"
	}
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return binlogPlace{}, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return binlogPlace{}, err
	}
	if !rows.Next() {
		return binlogPlace{}, errors.Join(rows.Err(), errNoLog)
	}
	var place binlogPlace
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(sql.RawBytes)
	}
	values[0], values[1] = &place.file, &place.pos
	return place, errors.Join(rows.Scan(values...), rows.Close())
}

// Reached reports whether have includes want.
func (s *Source) Reached(_ context.Context, have, want source.Position) (bool, error) {
	at, err := parsePosition(have)
	if err != nil {
		return false, err
	}
	goal, err := parsePosition(want)
	if err != nil {
		return false, err
	}
	return at.reached(goal)
}

// Open starts to read the log after from. It returns when the server has begun to send.
func (s *Source) Open(ctx context.Context, from source.Position, subscriptions []source.Subscription) (source.Stream, error) {
	at, err := parsePosition(from)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	st := newStream(s, at, subscriptions)
	if err := st.decoder.listTables(ctx); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err := st.connect(ctx); err != nil {
		return nil, fmt.Errorf("open log: %w", s.explained(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = st
	return st, nil
}
