package mysql

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/source"
)

var _ source.Retention = (*Source)(nil)

// Runway tells for how long, at least, the server will still have what follows a position. A file of
// the log goes when its last change is older than the server's limit; the file with the first commit
// that is not in the position was changed at that commit or later, and so after since. A file that is
// being written does not go before it is closed.
func (s *Source) Runway(ctx context.Context, text source.Position, since time.Time) (time.Duration, bool, error) {
	at, err := parsePosition(text)
	if err != nil {
		return 0, false, err
	}
	limit, known, err := s.keepsLog(ctx)
	if err != nil || !known {
		return 0, false, err
	}
	state, err := s.placeInLog(ctx, at)
	switch {
	case isErrno(err, errPrivilege), state == placeUnknown && err == nil:
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("look at how far the log reaches back: %w", err)
	case state == placeGone:
		return 0, true, nil
	case state == placeNewest:
		return limit, true, nil
	}
	now, err := s.Now(ctx)
	if err != nil {
		return 0, false, err
	}
	return max(limit-max(now.Sub(since), 0), 0), true, nil
}

// keepsLog returns the age at which the server drops files of its log. False: it never does by age,
// or by size too, which says nothing about time.
func (s *Source) keepsLog(ctx context.Context) (time.Duration, bool, error) {
	vars := map[string]string{}
	err := eachPair(ctx, s.db, `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('binlog_expire_logs_seconds','expire_logs_days',
		'binlog_expire_logs_auto_purge','max_binlog_total_size')`, vars)
	if err != nil {
		return 0, false, fmt.Errorf("ask how long the log is kept: %w", err)
	}
	if vars["binlog_expire_logs_auto_purge"] == "OFF" || vars["max_binlog_total_size"] != "" && vars["max_binlog_total_size"] != "0" {
		return 0, false, nil
	}
	age := expireAge(vars)
	return age, age > 0, nil
}

// expireAge is the age at which the settings have the log dropped; 0: never. Where both are set, the seconds count; a
// MariaDB shows one as a fraction of the other.
func expireAge(settings map[string]string) time.Duration {
	seconds, _ := strconv.ParseFloat(settings["binlog_expire_logs_seconds"], 64)
	if seconds == 0 {
		days, _ := strconv.ParseFloat(settings["expire_logs_days"], 64)
		seconds = days * 24 * 60 * 60
	}
	return time.Duration(seconds * float64(time.Second))
}

// placeState says where a position is among the files of the server's log.
type placeState uint8

const (
	placeUnknown placeState = iota // the position belongs to another server
	placeGone                      // what follows it is not there any more
	placeOlder                     // in a file that is closed
	placeNewest                    // in the file that is being written
)

func (s *Source) placeInLog(ctx context.Context, at position) (placeState, error) {
	if at.kind == byGTID {
		return s.placeByGTID(ctx, at)
	}
	if at.server != s.server().uuid {
		return placeUnknown, nil
	}
	files, err := s.logFiles(ctx)
	if err != nil || len(files) == 0 {
		return placeUnknown, err
	}
	newest := binlogPlace{file: files[len(files)-1]}
	switch {
	case at.place.before(binlogPlace{file: files[0]}):
		return placeGone, nil
	case at.place.before(newest):
		return placeOlder, nil
	}
	return placeNewest, nil
}

// placeByGTID asks what was purged, and whether there is anything after the position at all: with
// nothing after it, the position is at the end of the log.
func (s *Source) placeByGTID(ctx context.Context, at position) (placeState, error) {
	var purged, executed string
	if err := s.db.QueryRowContext(ctx, "SELECT @@global.gtid_purged, @@global.gtid_executed").Scan(&purged, &executed); err != nil {
		return placeUnknown, err
	}
	gone, err := parseGTIDSet(purged)
	if err != nil {
		return placeUnknown, err
	}
	all, err := parseGTIDSet(executed)
	switch {
	case err != nil:
		return placeUnknown, err
	case !at.set.Contain(gone):
		return placeGone, nil
	case at.set.Contain(all):
		return placeNewest, nil
	}
	return placeOlder, nil
}

// logFiles lists the files of the log, the oldest first.
func (s *Source) logFiles(ctx context.Context) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values := make([]any, len(columns))
	for i := range values {
		values[i] = new(any)
	}
	var file string
	values[0] = &file
	var files []string
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			return nil, err
		}
		files = append(files, strings.Clone(file))
	}
	return files, rows.Err()
}
