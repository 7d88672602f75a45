package mysql

import (
	"crypto/tls"
	"crypto/x509"
	sqldriver "database/sql/driver"
	"errors"
	"net"

	"github.com/go-sql-driver/mysql"

	"github.com/meepo-replicate/meepo/source"
)

// Error numbers of the server that are told apart.
const (
	errDatabaseDenied  = 1044
	errAccessDenied    = 1045
	errUnknownDatabase = 1049
	errUnknownColumn   = 1054
	errTableDenied     = 1142
	errColumnDenied    = 1143
	errNoTable         = 1146
	errPrivilege       = 1227
	errLockTimeout     = 1205
	errXARecover       = 1401 // MySQL: the account lacks XA_RECOVER_ADMIN
	errDefChanged      = 1412 // MariaDB: the table was altered after the snapshot
	errLockNowait      = 3572 // MySQL: somebody holds the lock
)

// isErrno reports whether err is one of the server's errors of these numbers.
func isErrno(err error, numbers ...uint16) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	for _, n := range numbers {
		if e.Number == n {
			return true
		}
	}
	return false
}

// hinted adds what to do about an error of connecting, where something can be said.
func (s *Source) hinted(err error) error {
	advice := ""
	var (
		opErr     *net.OpError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		record    tls.RecordHeaderError
	)
	switch {
	case isErrno(err, errAccessDenied):
		advice = "check user and password, and that the account may connect from this host: SHOW GRANTS FOR '" + s.cfg.User + "'"
	case isErrno(err, errUnknownDatabase):
		advice = "check the database in the source URL: SHOW DATABASES"
	case errors.Is(err, mysql.ErrNoTLS):
		advice = "the server speaks no TLS: enable it there, or set tls mode preferred or disabled if the network is trusted"
	case errors.As(err, &authority):
		advice = "give the authority that signed the server's certificate as tls ca_file; mode required does without verification"
	case errors.As(err, &name):
		advice = "set tls server_name to a name in the server's certificate, or use mode verify-ca"
	case errors.As(err, &record):
		advice = "the server's answer is not TLS: is this the right port?"
	case errors.As(err, &opErr) && opErr.Op == "dial":
		advice = "check host and port, that the server runs and that no firewall is between"
	default:
		return err
	}
	return &source.HintError{Err: err, Advice: advice}
}

// errDiscard is driver.ErrBadConn by the way of database/sql: the connection is not used again.
var errDiscard = sqldriver.ErrBadConn
