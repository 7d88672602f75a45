package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

// Verify looks at the server that the address leads to now, and finds out whether a position is
// part of its history and its log still reaches back to it. Of a server that lags behind, as a
// replica may after a failover, it waits for as long as Config.LagTimeout says.
func (s *Source) Verify(ctx context.Context, from source.Position) error {
	at, err := parsePosition(from)
	if err != nil {
		return fmt.Errorf("verify position: %w", s.foreign(err))
	}
	for try := 1; ; try++ {
		_, _, err := s.verify(ctx, at)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, errOtherServer) || try == dialTries:
			return fmt.Errorf("verify position: %w", s.explained(err))
		}
	}
}

// verify does the work of Verify. It returns what it learnt of the server, and the position with proof
// where it had none.
func (s *Source) verify(ctx context.Context, at position) (server, position, error) {
	// Not by the pool: its connections may still lead to the server of before.
	db := sql.OpenDB(s.connector)
	defer db.Close()
	db.SetMaxOpenConns(1)
	var info server
	err := s.inTime(ctx, func(ctx context.Context) (err error) {
		info, err = examine(ctx, db)
		return err
	})
	if err != nil {
		return server{}, at, err
	}
	h := &history{Source: s, db: db, server: info}
	began, said := time.Now(), false
	pause := source.Backoff{Limit: 500 * time.Millisecond}
	for {
		var behind string
		err := s.inTime(ctx, func(ctx context.Context) (err error) {
			behind, err = h.lacks(ctx, at)
			return err
		})
		if behind == "" && err == nil {
			at, err = h.prove(ctx, at, proveTime)
		}
		if behind == "" || err != nil {
			return info, at, err
		}
		waited := time.Since(began)
		if waited > s.cfg.LagTimeout {
			return info, at, s.foreign(fmt.Errorf("the server has not reached %s after %v: it was restored from a backup, is another server, or lags too far behind",
				behind, s.cfg.LagTimeout))
		}
		if waited > time.Second && !said {
			said = true
			s.log.WarnContext(ctx, "the source lags behind the position to go on from, waiting for it", slog.String("lacks", behind))
		}
		if err := pause.Wait(ctx); err != nil {
			return info, at, err
		}
	}
}

var errMute = errors.New("the source does not answer")

// inTime bounds a few short questions to a server that may have gone mute.
func (s *Source) inTime(ctx context.Context, ask func(ctx context.Context) error) error {
	return within(ctx, s.cfg.DialTimeout+s.cfg.StallTimeout, errMute, ask)
}

// within gives ask so much time. Its error is late if the time ran out, unless the position was found to
// be lost before.
func within(ctx context.Context, limit time.Duration, late error, ask func(ctx context.Context) error) error {
	bounded, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	err := ask(bounded)
	if err != nil && !errors.Is(err, source.ErrPositionLost) && ctx.Err() == nil && errors.Is(context.Cause(bounded), late) {
		return late
	}
	return err
}

// foreign says that a position is of another server's history, or of one that this server has lost.
func (s *Source) foreign(why error) error {
	return &source.HintError{
		Err: fmt.Errorf("%w: %w", source.ErrPositionLost, why),
		Advice: "check the source's address; if the server was replaced, restored or reset on purpose, " +
			"meepo-replicate heal compares and writes only what differs, or start with --fresh to copy the tables anew",
	}
}

// history is a server's past as positions are compared with it.
type history struct {
	*Source
	db     *sql.DB
	server server
}

// lacks returns what the server may yet receive of a position; empty if it has all and its log still
// has what comes after. The error is ErrPositionLost if waiting cannot help.
func (h *history) lacks(ctx context.Context, at position) (string, error) {
	if err := h.flavored(at.kind == byMariaDB, h.server.flavor); err != nil {
		return "", err
	}
	switch at.kind {
	case byMariaDB:
		return h.lacksList(ctx, at)
	case byFile:
		return "", h.hasPlace(ctx, at)
	}
	return h.lacksSet(ctx, at)
}

// flavored tells apart what is of MariaDB and what is of MySQL.
func (s *Source) flavored(mariaDB bool, here flavor) error {
	theirs := flavorMySQL
	if mariaDB {
		theirs = flavorMariaDB
	}
	if theirs == here {
		return nil
	}
	return s.foreign(fmt.Errorf("what was saved is a place in the log of %s, and the server is %s", theirs, here))
}

// owners follow each GTID in gtid_owned: the threads that commit it.
var owners = regexp.MustCompile(`#\d+`)

// lacksSet compares GTID sets, as the server does when a replica connects.
func (h *history) lacksSet(ctx context.Context, at position) (string, error) {
	if !h.server.gtid {
		return "", h.foreign(errors.New("what was saved is a set of GTIDs, and the server does not have gtid_mode=ON"))
	}
	set := at.set.String()
	var missing, unread, owned string
	var strange bool
	err := h.db.QueryRowContext(ctx, `SELECT GTID_SUBTRACT(?, @@global.gtid_executed), GTID_SUBTRACT(@@global.gtid_purged, ?),
		@@global.gtid_owned, GTID_SUBSET(?, GTID_SUBTRACT(?, @@global.gtid_executed))`, set, set, set, set).Scan(&missing, &unread, &owned, &strange)
	if err != nil {
		return "", fmt.Errorf("look at gtid_executed: %w", err)
	}
	if missing != "" && owned != "" {
		// What is being committed is in the log already. It can stay so while a replica's
		// acknowledgement is waited for.
		committing, ownedErr := parseGTIDSet(owners.ReplaceAllString(owned, ""))
		lacked, err := parseGTIDSet(missing)
		if err != nil {
			return "", err
		}
		if ownedErr == nil && committing.Contain(lacked) {
			missing = ""
		}
	}
	missing, unread = shortened(missing), shortened(unread)
	switch {
	case missing != "" && strange:
		return "", h.foreign(fmt.Errorf("the server (%s) knows none of the transactions %s: it is another one, or its log began anew", h.server.uuid, missing))
	case missing == "" && unread != "":
		return "", h.positionLost(fmt.Errorf("the server has purged transactions that were not read: %s", unread))
	}
	return missing, nil
}

// shortened keeps of a long set what a message can hold.
func shortened(set string) string {
	const most = 300
	set = strings.ReplaceAll(set, "\n", "")
	if len(set) > most {
		set = set[:most] + "…"
	}
	return set
}

// lacksList compares MariaDB's GTIDs by domain and by the server that wrote them: after a failover
// that lost transactions, the next server goes on counting in the same domain.
func (h *history) lacksList(ctx context.Context, at position) (string, error) {
	var text string
	if err := h.db.QueryRowContext(ctx, "SELECT @@global.gtid_binlog_state").Scan(&text); err != nil {
		return "", fmt.Errorf("look at gtid_binlog_state: %w", err)
	}
	state, err := parseGTIDs(text)
	if err != nil {
		return "", err
	}
	var behind gtidList
	shared := false
	for _, want := range at.list {
		ours, newest := uint64(0), uint64(0)
		for _, g := range state {
			if g.domain == want.domain {
				newest = max(newest, g.sequence)
				if g.server == want.server {
					ours = g.sequence
				}
			}
		}
		shared = shared || ours > 0
		switch {
		case ours >= want.sequence:
		case newest >= want.sequence:
			return "", h.foreign(fmt.Errorf("the server's history has gone another way before %s: it has come to %q", gtidList{want}, text))
		default:
			behind = append(behind, want)
		}
	}
	// What was read on this very server has been in its log.
	if len(behind) > 0 && (!shared || h.server.uuid == at.server) {
		return "", h.foreign(fmt.Errorf("the server's log has come to %q, and not to %s: it is another server, its log began anew, or it lost its end in a crash", text, behind))
	}
	if len(behind) > 0 {
		return behind.String(), nil
	}
	return "", h.unpurged(ctx, at)
}

// unpurged finds out whether MariaDB's log still has all that comes after a position.
func (h *history) unpurged(ctx context.Context, at position) error {
	files, err := h.files(ctx)
	if err != nil || len(files) == 0 {
		return err
	}
	if h.server.uuid == at.server {
		switch last := files[len(files)-1]; {
		case slices.ContainsFunc(files, func(f binlogPlace) bool { return f.file == at.place.file }):
			return nil
		case fileNumber(last.file) < fileNumber(at.place.file):
			return h.foreign(fmt.Errorf("the server's log ends with %s, before %s: it began anew", last.file, at.place.file))
		}
	}
	var text sql.NullString
	if err := h.db.QueryRowContext(ctx, "SELECT BINLOG_GTID_POS(?, ?)", files[0].file, logHead).Scan(&text); err != nil {
		return fmt.Errorf("look at the beginning of the log: %w", err)
	}
	first, err := parseGTIDList(text.String)
	if err == nil && !at.list.reached(first) {
		err = h.positionLost(fmt.Errorf("the server's log begins after %s, and what comes between %s and that was not read", first, at.list))
	}
	return err
}

// hasPlace finds a place in the log of the one server that it belongs to.
func (h *history) hasPlace(ctx context.Context, at position) error {
	if h.server.uuid != at.server {
		return h.foreign(fmt.Errorf("%s is a place in the log of another server than %s", at.text(), h.server.uuid))
	}
	files, err := h.files(ctx)
	if err != nil || len(files) == 0 {
		return err
	}
	i := slices.IndexFunc(files, func(f binlogPlace) bool { return f.file == at.place.file })
	switch {
	case i < 0 && at.place.before(files[0]):
		return h.positionLost(fmt.Errorf("the server has purged its log up to %s, and %s was not read to its end", files[0].file, at.place.file))
	case i < 0:
		return h.foreign(fmt.Errorf("the server's log has no file %s: it began anew", at.place.file))
	case files[i].pos < at.place.pos:
		return h.foreign(fmt.Errorf("%s ends at %d, before %d: the log began anew, or lost its end in a crash", at.place.file, files[i].pos, at.place.pos))
	}
	return nil
}

// files lists the log's files with their sizes, oldest first. None: the account may not list them,
// and what is missing will be said when the log is asked for.
func (h *history) files(ctx context.Context) ([]binlogPlace, error) {
	rows, err := h.db.QueryContext(ctx, "SHOW BINARY LOGS")
	if isErrno(err, errPrivilege) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the log's files: %w", err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var files []binlogPlace
	for rows.Next() {
		var f binlogPlace
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.RawBytes)
		}
		values[0], values[1] = &f.file, &f.pos
		if err := rows.Scan(values...); err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, rows.Err()
}
