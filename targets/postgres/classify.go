package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/meepo-replicate/meepo/targets"
)

// SQLSTATEs, see appendix A of PostgreSQL's documentation.
const codeDenied = "42501"

// transient are the classes, and the codes, that tell of the server's state and not of rows: connections that were lost on the
// way, a server that takes no writes now, rollbacks, resources, locks, operators, the operating system, a configuration that
// cannot be read, prepared statements that a pooler has lost.
var transient = []string{"08", "25", "26", "40", "53", "55", "57", "58", "72", "F0", "HV00N"}

// unclear are codes of transactions of which the server does not know whether they were done.
var unclear = []string{"08007", "40003"}

// outcome says what an error of a statement means for its rows.
type outcome uint8

const (
	unanswered outcome = iota // it may have been done
	undone                    // it was not done, and may be done later
	guilty                    // one of its rows cannot be done
	disputed                  // another row is in the way, which may be gone later; or nobody knows what the code means
	gone                      // the table is not there, or not as it was
	denied
)

// outcomeOf sorts what a statement failed with. A code that no list has may be any function's of a trigger, so that its row is
// looked for: were it taken for the server's, the row would be tried for ever, and would hold up all others.
func outcomeOf(err error) outcome {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) || answer.Severity == "FATAL" || answer.Severity == "PANIC" {
		if errors.Is(err, targets.ErrDenied) {
			return denied
		}
		return unanswered
	}
	switch code := answer.Code; {
	case slices.Contains(unclear, code):
		return unanswered
	case code == codeDenied, strings.HasPrefix(code, "28"):
		return denied
	case code == "23505", code == "23503", code == "23P01": // unique, foreign key, exclusion
		return disputed
	case slices.Contains([]string{"42P01", "3F000", "42703", "42P10", "42804", "428C9"}, code):
		return gone
	case strings.HasPrefix(code, "22"), strings.HasPrefix(code, "23"), code == "21000", strings.HasPrefix(code, "54"), code == "44000",
		code == "P0001", code == "0A000", strings.HasPrefix(code, "42"):
		return guilty
	case slices.ContainsFunc(transient, func(prefix string) bool { return strings.HasPrefix(code, prefix) }):
		return undone
	}
	return disputed
}

// class is what becomes of an op that is alone in its statement.
func (o outcome) class() targets.Class {
	switch o {
	case guilty:
		return targets.Rejected
	case disputed:
		return targets.Doubtful
	case gone:
		return targets.Lost
	}
	return targets.Retryable
}

// hasCode says whether the server answered with one of these codes.
func hasCode(err error, codes ...string) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && slices.Contains(codes, answer.Code)
}

// refused wraps what the server does not let us do with targets.ErrDenied, and leaves all else as it is.
func refused(err error) error {
	if err == nil || errors.Is(err, targets.ErrDenied) {
		return err
	}
	var answer *pgconn.PgError
	if errors.As(err, &answer) && (answer.Code == codeDenied || strings.HasPrefix(answer.Code, "28")) {
		text := answer.Message
		if raised(answer) {
			text = raisedText
		}
		return fmt.Errorf("%w: %s", targets.ErrDenied, text)
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return fmt.Errorf("connect: %w", connectReason{err})
	}
	return err
}

// connectReason says why there is no connection, without the account and the database, which the library names.
type connectReason struct{ err error }

func (c connectReason) Error() string {
	text := c.err.Error()
	if at := strings.Index(text, "`:"); at >= 0 {
		text = text[at+len("`:"):]
	}
	var causes []string // one a line, of each address and each way to speak to it
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Replace(strings.TrimSpace(line), "dial error: ", "", 1)
		if line != "" && !slices.Contains(causes, line) {
			causes = append(causes, line)
		}
	}
	return strings.Join(causes, "; ")
}

func (c connectReason) Unwrap() error { return c.err }

// reason is what the server says of a row, without the row's values: they stand behind a colon and in quotation marks,
// except in what it says of constraints. What a user's function says may be anything, and is left out whole.
func reason(err error) string {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		if errors.Is(err, context.DeadlineExceeded) {
			return "no answer in time"
		}
		return err.Error()
	}
	text := answer.Message
	switch {
	case raised(answer):
		text = raisedText
		for _, named := range [][2]string{{"constraint", answer.ConstraintName}, {"column", answer.ColumnName}, {"table", answer.TableName}} {
			if named[1] != "" {
				text += ", " + named[0] + " " + named[1]
			}
		}
		return fmt.Sprintf("%s (SQLSTATE %s)", text, answer.Code)
	case !strings.HasPrefix(answer.Code, "23"):
		text, _, _ = strings.Cut(text, `: "`)
		if first := strings.IndexByte(text, '"'); first >= 0 && !strings.HasPrefix(answer.Code, "42") {
			text = text[:first] + "…"
		}
	}
	if answer.ColumnName != "" && !strings.Contains(text, answer.ColumnName) {
		text += ", column " + answer.ColumnName
	}
	return fmt.Sprintf("%s (SQLSTATE %s)", text, answer.Code)
}

const raisedText = "a trigger or a function raised an error"

// spoken are classes and codes, beside those that are transient, in which the server speaks with its own words.
var spoken = []string{"0A", "21", "22", "23", "28", "42", "44", "54"}

// raised says whether an error's text may be a user's: PL/pgSQL's RAISE can take any code, and other languages have the codes that
// the server has no use for, or that of an internal error.
func raised(answer *pgconn.PgError) bool {
	own := func(prefix string) bool { return strings.HasPrefix(answer.Code, prefix) }
	return answer.Routine == "exec_stmt_raise" || !slices.ContainsFunc(transient, own) && !slices.ContainsFunc(spoken, own)
}
