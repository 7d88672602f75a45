package postgres

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/meepo-replicate/meepo/source"
)

// The server's error codes that are told apart, as in
// https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	codeNoDatabase      = "3D000"
	codeBadPassword     = "28P01"
	codeNotAuthorized   = "28000"
	codeDenied          = "42501"
	codeNoTable         = "42P01"
	codeNoColumn        = "42703"
	codeNoSchema        = "3F000"
	codeNoFunction      = "42883"
	codeNoObject        = "42704" // a slot, a publication or a type that is not there
	codeWrongType       = "42804"
	codeDuplicate       = "42710"
	codeNotUnique       = "23505" // of a catalog: somebody makes the same object
	codeNotSupported    = "0A000" // also: a cached plan must not change its result's type
	codeInUse           = "55006"
	codeNotInState      = "55000" // also: a slot that was invalidated
	codeNoFile          = "58P01" // a WAL segment was removed
	codeTooManySlots    = "53400"
	codeCantChange      = "55P02"
	codeCannotConnect   = "57P03" // it starts or stops
	classData           = "22"
	classConnection     = "08"
	classResources      = "53"
	classIntervention   = "57"
	grantReplication    = "ALTER ROLE %s REPLICATION"
	keepSlot            = "the WAL that a slot holds back is limited by max_slot_wal_keep_size: raise it, or remove the limit"
	adviceFresh         = "meepo-replicate heal compares and writes only what differs, or start with --fresh to copy the tables anew"
	adviceFreshKeepSlot = adviceFresh + "; " + keepSlot
)

// serverAnswer finds what the server said.
func serverAnswer(err error) (*pgconn.PgError, bool) {
	var e *pgconn.PgError
	return e, errors.As(err, &e)
}

// isCode reports whether the server said one of these codes.
func isCode(err error, codes ...string) bool {
	answer, ok := serverAnswer(err)
	if !ok {
		return false
	}
	for _, code := range codes {
		if answer.Code == code || len(code) == 2 && strings.HasPrefix(answer.Code, code) {
			return true
		}
	}
	return false
}

// hinted adds what to do about an error of connecting, where something can be said.
func (s *Source) hinted(err error) error {
	if err == nil || errors.As(err, new(*source.HintError)) {
		return err
	}
	advice := ""
	var (
		opErr     *net.OpError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		record    tls.RecordHeaderError
	)
	switch {
	case strings.Contains(err.Error(), "unsupported startup parameter"): // PgBouncer's words
		advice = "that is PgBouncer: logical replication, and sessions with settings of their own, do not go through it; " + adviceDirect
	case isCode(err, codeBadPassword, codeNotAuthorized):
		advice = "check user and password, that pg_hba.conf lets the account in from this host, and that it has LOGIN"
	case isCode(err, codeNoDatabase):
		advice = "check the database in the source URL: psql -l lists them"
	case errors.As(err, &authority):
		advice = "give the authority that signed the server's certificate as tls ca_file; mode required does without verification"
	case errors.As(err, &name):
		advice = "set tls server_name to a name in the server's certificate, or use mode verify-ca"
	case errors.As(err, &record):
		advice = "the server's answer is not TLS: is this the right port?"
	case strings.Contains(err.Error(), "server refused TLS"):
		advice = "the server speaks no TLS: enable it there, or set tls mode preferred or disabled if the network is trusted"
	case errors.As(err, &opErr) && opErr.Op == "dial":
		advice = "check host and port, that the server runs and that no firewall is between"
	default:
		return err
	}
	return &source.HintError{Err: err, Advice: advice}
}

// positionLost says why and what to do.
func positionLost(why error) error {
	return &source.HintError{Err: fmt.Errorf("%w: %w", source.ErrPositionLost, why), Advice: adviceFreshKeepSlot}
}

// explained turns an answer of the server about its log into what callers and operators know.
func (s *Source) explained(err error) error {
	answer, ok := serverAnswer(err)
	switch {
	case errors.As(err, new(*source.HintError)):
		return err
	case !ok:
		return s.hinted(err)
	case answer.Code == codeNoObject && strings.Contains(answer.Message, "replication slot"):
		return positionLost(fmt.Errorf("the replication slot %s is gone, and with it the log that it held: %w", s.cfg.Slot, answer))
	case answer.Code == codeNoObject:
		return &source.HintError{Err: fmt.Errorf("read log: %w", answer), Advice: "make the publication again, then " + adviceFresh}
	case answer.Code == codeNoFile,
		answer.Code == codeNotInState && (strings.Contains(answer.Message+answer.Detail, "invalidated") || strings.Contains(answer.Message, "can no longer")):
		return positionLost(fmt.Errorf("the replication slot %s does not hold the log any more: %w", s.cfg.Slot, answer))
	case answer.Code == codeInUse:
		return &source.HintError{Err: fmt.Errorf("read log: %w", answer),
			Advice: "another process reads from this slot: end it, or give this one a slot of its own with --source-slot"}
	case answer.Code == codeDenied:
		return &source.HintError{Err: fmt.Errorf("the account may not read the log: %w", answer), Advice: providerOf(s.asked).grantReplication(quote(s.cfg.User))}
	}
	return s.hinted(err)
}

// isFinal reports whether a new connection cannot help.
func isFinal(err error) bool {
	return errors.Is(err, source.ErrPositionLost) || errors.Is(err, errUnfit) || isCode(err, codeNoFile) ||
		isCode(err, codeNoObject) || isCode(err, codeNotInState) && errors.Is(err, source.ErrPositionLost)
}

// isRefusal reports whether the server answered in a way that time alone rarely changes: a password
// or a grant, say, that somebody may be about to mend.
func isRefusal(err error) bool {
	_, ok := serverAnswer(err)
	return ok && !isCode(err, classConnection, classResources, classIntervention, codeCantChange)
}

// classify names the errors of reads that callers branch on, and says what to do about a missing grant.
func classify(table source.Table, err error) error {
	switch {
	case isCode(err, codeNoTable, codeNoColumn, codeNoSchema, codeNoFunction, codeWrongType, codeNoObject), isOutdated(err):
		return fmt.Errorf("%w: %w", source.ErrStale, err)
	case isCode(err, codeDenied):
		return &source.HintError{Err: fmt.Errorf("%w: %w", source.ErrDenied, err),
			Advice: "GRANT USAGE ON SCHEMA " + quote(table.Schema) + ", and GRANT SELECT ON " + quoteTable(table) + ", TO the account"}
	}
	return err
}

// isOutdated reports whether a connection had prepared a statement before the table was altered. The next one on it
// prepares it anew.
func isOutdated(err error) bool {
	return isCode(err, codeNotSupported) && strings.Contains(err.Error(), "cached plan")
}
