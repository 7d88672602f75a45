package mysql

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"sync"
)

// errRefused: what answers there can be no source.
var errRefused = errors.New("no MySQL or MariaDB server that can be followed")

const sqlBehind = `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('basedir','aurora_version','innodb_read_only')`

// askBehind gathers what tells who runs the server. What cannot be asked is not known: products that only look like
// MySQL refuse some statements.
func (s *Source) askBehind(ctx context.Context) (facts, error) {
	host, _, err := net.SplitHostPort(s.cfg.Addr)
	if err != nil {
		host = s.cfg.Addr
	}
	f := facts{host: host, settings: map[string]string{}}
	var heard overhearing
	connector, err := s.newConnector(heard.dial)
	if err != nil {
		return f, err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(1)
	var id uint64
	if err := db.QueryRowContext(ctx, "SELECT VERSION(), CONNECTION_ID()").Scan(&f.version, &id); err != nil {
		return f, err
	}
	var said uint32
	f.greeting, said = heard.greeting()
	f.proxied = said != 0 && uint32(id) != said // of a larger number the greeting has the lower half
	// ProxySQL answers this very statement itself, the variable elsewhere is the server's.
	_ = db.QueryRowContext(ctx, "SELECT @@version_comment LIMIT 1").Scan(&f.comment)
	_ = eachPair(ctx, db, sqlBehind, f.settings)
	if providerOf(f).keep == nil {
		return f, nil
	}
	_ = db.QueryRowContext(ctx, "SELECT value FROM mysql.rds_configuration WHERE name = 'binlog retention hours'").Scan(&f.rdsHours)
	return f, nil
}

// overhearing keeps the beginning of what a server says first, before anybody logs in: its version, and the number of
// the connection.
type overhearing struct {
	mu   sync.Mutex
	said []byte
}

// greetingBytes is enough for the version and the number.
const greetingBytes = 256

func (o *overhearing) dial(ctx context.Context, dialer *net.Dialer, network, addr string) (net.Conn, error) {
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &overheard{Conn: conn, by: o}, nil
}

type overheard struct {
	net.Conn
	by *overhearing
}

// Read keeps what comes first.
func (c *overheard) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	c.by.mu.Lock()
	defer c.by.mu.Unlock()
	if room := greetingBytes - len(c.by.said); room > 0 {
		c.by.said = append(c.by.said, into[:min(n, room)]...)
	}
	return n, err
}

// greeting returns the version and the connection's number that were said; zero: they cannot be told.
func (o *overhearing) greeting() (version string, id uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	const header = 4 // length and number of the packet
	if len(o.said) < header+1 || o.said[header] != 10 {
		return "", 0
	}
	version, rest, ok := strings.Cut(string(o.said[header+1:]), "\x00")
	if !ok || len(rest) < 4 {
		return "", 0
	}
	return version, binary.LittleEndian.Uint32([]byte(rest[:4]))
}
