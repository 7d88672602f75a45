package mysql

import (
	"context"
	"crypto/tls"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/meepo-replicate/meepo/source"
)

type flavor uint8

const (
	flavorMySQL flavor = iota + 1
	flavorMariaDB
)

func (f flavor) String() string {
	if f == flavorMariaDB {
		return "MariaDB"
	}
	return "MySQL"
}

// server is what was learnt of the server at the last connect. A failover can put another one
// behind the same address, so the stream asks again whenever it reconnects.
type server struct {
	flavor              flavor
	version             string // as the server prints it
	major, minor        int
	gtid                bool   // MySQL: gtid_mode is ON; MariaDB always has GTIDs
	uuid                string // MySQL server_uuid; MariaDB server_uid, or what comes nearest
	serverID            uint32
	rowMetadataFull     bool
	lowerCaseTableNames int
	encrypted           bool // the probing connection was
}

// Source is a MySQL or MariaDB server as a source of changes and rows. Its methods may be called
// concurrently.
type Source struct {
	cfg       Config
	db        *sql.DB
	log       *slog.Logger
	tls       *tls.Config
	charsets  *charsets
	connector sqldriver.Connector // of the connections for reading
	asked     facts               // who runs the server, when the source was opened

	mu        sync.Mutex
	info      server
	open      *stream               // the last one that was opened
	suspected string                // the server whose rows do not reach what the log said; empty: none
	hidden    map[source.Table]bool // tables whose rows the stream skips, since they may not be seen
}

var (
	_ source.Catalog = (*Source)(nil)
	_ source.Reader  = (*Source)(nil)
	_ source.Scanner = (*Source)(nil)
	_ source.Clock   = (*Source)(nil)
	_ source.Checker = (*Source)(nil)
)

// Open connects and looks at the server. Close the source after use.
func Open(ctx context.Context, cfg Config) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("open source: %w", err)
	}
	cfg = cfg.withDefaults()
	tlsConfig, err := cfg.TLS.Build(cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("open source: tls: %w", err)
	}
	s := &Source{cfg: cfg, log: cfg.Logger, tls: tlsConfig}
	if s.connector, err = s.newConnector(plainly); err != nil {
		return nil, fmt.Errorf("open source: %w", err)
	}
	s.db = sql.OpenDB(s.connector)
	s.db.SetMaxOpenConns(cfg.MaxConns)
	s.db.SetMaxIdleConns(cfg.MaxConns)
	// Idle connections go, and old ones too, so that a failover behind a proxy is noticed.
	s.db.SetConnMaxIdleTime(time.Minute)
	s.db.SetConnMaxLifetime(15 * time.Minute)
	if err := s.look(ctx); err != nil {
		s.db.Close()
		return nil, fmt.Errorf("open source: %s: %w", cfg.Addr, s.hinted(err))
	}
	return s, nil
}

func (s *Source) look(ctx context.Context) error {
	f, err := s.askBehind(ctx)
	if err != nil {
		return err
	}
	s.asked = f
	if err := providerOf(f).refusal(); err != nil {
		return err
	}
	info, err := s.probe(ctx, s.db)
	if err == nil {
		s.charsets, err = loadCharsets(ctx, s.db, info)
	}
	return err
}

// Close releases the connections for reading. A stream is closed by its own Close.
func (s *Source) Close() error { return s.db.Close() }

// dialFunc makes a network connection by a dialer.
type dialFunc func(ctx context.Context, dialer *net.Dialer, network, addr string) (net.Conn, error)

func plainly(ctx context.Context, dialer *net.Dialer, network, addr string) (net.Conn, error) {
	return dialer.DialContext(ctx, network, addr)
}

// newConnector makes the connections for reading rows and the catalog.
func (s *Source) newConnector(dial dialFunc) (sqldriver.Connector, error) {
	cfg := mysql.NewConfig()
	cfg.User = s.cfg.User
	cfg.Net, cfg.Addr = s.cfg.network(), s.cfg.Addr
	cfg.TLS = s.tls
	cfg.AllowFallbackToPlaintext = s.cfg.TLS.Mode == source.TLSPreferred
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = s.cfg.DialTimeout, s.cfg.ReadTimeout, s.cfg.WriteTimeout
	cfg.Logger = &mysql.NopLogger{}
	cfg.MaxAllowedPacket = 0 // ask the server
	dialer := &net.Dialer{
		Timeout:         s.cfg.DialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
	}
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return dial(ctx, dialer, network, addr)
	}
	cfg.Params = map[string]string{
		"time_zone": "'+00:00'",
		// Whatever the server's own mode is: CHAR comes unpadded, and zero, partial and impossible
		// dates may stand in comparisons, since they may stand in tables.
		"sql_mode":          "'ALLOW_INVALID_DATES'",
		"lock_wait_timeout": lockWait,
	}
	err := cfg.Apply(mysql.Charset("utf8mb4", "utf8mb4_bin"), mysql.BeforeConnect(func(ctx context.Context, cfg *mysql.Config) error {
		password, err := s.password(ctx)
		cfg.Passwd = password
		return err
	}))
	if err != nil {
		return nil, err
	}
	dialled, err := mysql.NewConnector(cfg)
	return connector{dialled}, err
}

// password asks for the password. The log side uses it too.
func (s *Source) password(ctx context.Context) (string, error) {
	if s.cfg.Password == nil {
		return "", nil
	}
	password, err := s.cfg.Password(ctx)
	if err != nil {
		return "", fmt.Errorf("get password: %w", err)
	}
	return password, nil
}

// tlsConfig returns the configuration for further connections to the server, nil for plain text:
// in the mode preferred that depends on what the server could do when it was last looked at.
func (s *Source) tlsConfig() *tls.Config {
	if s.tls == nil || s.cfg.TLS.Mode == source.TLSPreferred && !s.server().encrypted {
		return nil
	}
	return s.tls.Clone()
}

// server returns what the last probe learnt.
func (s *Source) server() server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

// probe looks at the server that db leads to and remembers what it is.
func (s *Source) probe(ctx context.Context, db *sql.DB) (server, error) {
	info, err := examine(ctx, db)
	if err == nil {
		s.meet(info)
	}
	return info, err
}

// meet remembers the server that is followed from now on.
func (s *Source) meet(info server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.info = info
}

// examine looks at the server that db leads to.
func examine(ctx context.Context, db *sql.DB) (server, error) {
	vars := map[string]string{}
	err := eachPair(ctx, db, `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version','server_uuid','server_uid','server_id',
		'hostname','port','gtid_mode','binlog_row_metadata','lower_case_table_names')`, vars)
	if err != nil {
		return server{}, fmt.Errorf("look at server: %w", err)
	}
	status := map[string]string{}
	if err := eachPair(ctx, db, "SHOW SESSION STATUS LIKE 'Ssl_cipher'", status); err != nil {
		return server{}, fmt.Errorf("look at server: %w", err)
	}
	info := serverFrom(vars)
	info.encrypted = status["Ssl_cipher"] != ""
	return info, nil
}

func serverFrom(vars map[string]string) server {
	info := server{flavor: flavorMySQL, version: vars["version"], uuid: vars["server_uuid"]}
	if strings.Contains(info.version, "MariaDB") {
		info.flavor, info.uuid = flavorMariaDB, vars["server_uid"]
		if info.uuid == "" { // before 10.10.1 a server has no identity of its own
			info.uuid = vars["server_id"] + "@" + vars["hostname"] + ":" + vars["port"]
		}
	}
	major, rest, _ := strings.Cut(info.version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	info.major, _ = strconv.Atoi(major)
	info.minor, _ = strconv.Atoi(minor)
	info.gtid = info.flavor == flavorMariaDB || strings.EqualFold(vars["gtid_mode"], "ON")
	info.rowMetadataFull = strings.EqualFold(vars["binlog_row_metadata"], "FULL")
	id, _ := strconv.ParseUint(vars["server_id"], 10, 32)
	info.serverID = uint32(id)
	info.lowerCaseTableNames, _ = strconv.Atoi(vars["lower_case_table_names"])
	return info
}

// atLeast compares the server's version.
func (v server) atLeast(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}

// eachPair puts the rows of a statement that answers with names and values into a map.
func eachPair(ctx context.Context, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, query string, into map[string]string) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		into[name] = value.String
	}
	return rows.Err()
}
