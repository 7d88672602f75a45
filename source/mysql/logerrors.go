package mysql

import (
	"errors"
	"fmt"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-sql-driver/mysql"

	"github.com/meepo-replicate/meepo/source"
)

// errLogRead is the number under which a server refuses or ends a log, whatever the reason: only
// the text tells more. MariaDB has one of its own for a reader that another one replaced.
const (
	errLogRead   = 1236
	errLogRival  = 4052
	grantLogRead = "GRANT REPLICATION SLAVE ON *.* TO "
)

// serverAnswer finds what the server said, in the one type that the rest of the package knows.
func serverAnswer(err error) (*mysql.MySQLError, bool) {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e, true
	}
	var logged *gomysql.MyError
	if !errors.As(err, &logged) {
		return nil, false
	}
	e = &mysql.MySQLError{Number: logged.Code, Message: logged.Message}
	copy(e.SQLState[:], logged.State)
	return e, true
}

// what the servers say when the log does not reach back to a position, or never held it.
var lostTexts = []string{
	"purged", "first log file", "GTID state requested", "not in the master's binlog", "not in the source's binlog", "more GTIDs than",
	"missing the GTID", "position > file size", "AUTO_POSITION mode",
}

// explained turns an answer of the server about its log into what callers and operators know.
func (s *Source) explained(err error) error {
	answer, ok := serverAnswer(err)
	switch {
	case errors.As(err, new(*source.HintError)):
		return err
	case !ok:
		return s.hinted(err)
	case answer.Number == errLogRead, answer.Number == errLogRival:
		return s.explainedRead(answer)
	case isErrno(answer, errPrivilege):
		return s.notGranted(answer)
	}
	return s.hinted(answer)
}

func (s *Source) notGranted(err error) error {
	return &source.HintError{Err: fmt.Errorf("the account may not read the log: %w", err), Advice: grantLogRead + "'" + s.cfg.User + "'"}
}

func (s *Source) explainedRead(answer *mysql.MySQLError) error {
	text := answer.Message
	switch {
	case isEvicted(answer):
		return &source.HintError{
			Err:    fmt.Errorf("read log: another replica or reader uses server id %d: %w", s.cfg.ServerID, answer),
			Advice: "give every reader a server id of its own, or none, so that a free one is chosen",
		}
	case strings.Contains(text, "Binary log is not open"):
		return errNoLog
	case strings.Contains(text, "max_allowed_packet"):
		return &source.HintError{Err: fmt.Errorf("read log: %w", answer), Advice: "SET GLOBAL max_allowed_packet = 1073741824 on the source"}
	}
	for _, lost := range lostTexts {
		if strings.Contains(text, lost) {
			return s.positionLost(fmt.Errorf("the server says: %w", answer))
		}
	}
	return fmt.Errorf("read log: %w", answer)
}

// positionLost says why and what to do.
func (s *Source) positionLost(why error) error {
	keep := s.preflight(s.server()).keepLonger()
	return &source.HintError{
		Err:    fmt.Errorf("%w: %w", source.ErrPositionLost, why),
		Advice: "meepo-replicate heal compares and writes only what differs, or start with --fresh to copy the tables anew, and keep the log longer: " + keep,
	}
}

// isEvicted reports whether the server ended our log because somebody came with the same id.
func isEvicted(err error) bool {
	answer, ok := serverAnswer(err)
	return ok && (answer.Number == errLogRival ||
		answer.Number == errLogRead && strings.Contains(answer.Message, "same server_uuid/server_id"))
}

// isFinal reports whether a new connection cannot help.
func isFinal(err error) bool {
	answer, ok := serverAnswer(err)
	return errors.Is(err, source.ErrPositionLost) || ok && answer.Number == errLogRead && !isEvicted(err)
}

// isRefusal reports whether the server answered in a way that time alone rarely changes: a password
// or a grant, say, that somebody may be about to mend.
func isRefusal(err error) bool {
	answer, ok := serverAnswer(err)
	if !ok {
		return false
	}
	switch answer.Number {
	case 1040, 1041, 1043, 1053, 1129, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1205, 1213, 1226, 1290, 1317, 1836, 1927, 3024, 3032, 3168, 4031,
		errLogRead, errLogRival:
		return false // too busy, starting, stopping, or the network
	}
	return true
}

// parseError keeps of a parser's error what holds no values of rows.
func parseError(err error) error {
	var e *gomysql.MyError
	if errors.As(err, &e) {
		return e
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	if at := strings.LastIndex(text, "Err: "); at >= 0 {
		text = text[at+len("Err: "):]
	}
	return errors.New(text)
}
