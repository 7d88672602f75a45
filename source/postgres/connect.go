package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/meepo-replicate/meepo/source"
)

// server is what a connection learnt of the server that it leads to.
type server struct {
	version int    // as in server_version_num, 180001
	system  string // the cluster's identifier
	standby bool

	timeline int32 // that a standby replayed when the connection was made
}

// atLeast compares the server's major version.
func (v server) atLeast(major int) bool { return v.version >= major*10000 }

// Source is a PostgreSQL database as a source of changes and rows. Its methods may be called
// concurrently.
type Source struct {
	cfg  Config
	log  *slog.Logger
	pool *pgxpool.Pool // for rows and the catalog
	conn *pgx.ConnConfig

	asked facts // who runs the server, when the source was opened

	standby *standby // that rows are read from; nil: from the pool

	awaiting sync.Mutex
	awaited  map[source.Table]string // what made tables part of the publication when older transactions were waited for

	descriptions descriptions

	slotting sync.Mutex
	slotted  bool // the slot is ours

	mu   sync.Mutex
	info server // that the source was opened on
}

var (
	_ source.Log      = (*Source)(nil)
	_ source.Catalog  = (*Source)(nil)
	_ source.Reader   = (*Source)(nil)
	_ source.Scanner  = (*Source)(nil)
	_ source.Clock    = (*Source)(nil)
	_ source.Checker  = (*Source)(nil)
	_ source.Enlister = (*Source)(nil)
)

// Open connects and looks at the server. Close the source after use.
func Open(ctx context.Context, cfg Config) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("open source: %w", err)
	}
	s := &Source{cfg: cfg.withDefaults(), awaited: map[source.Table]string{}, descriptions: descriptions{tables: map[source.Table]description{}}}
	s.log = s.cfg.Logger
	poolCfg, err := s.cfg.pool(refuseStandby)
	if err != nil {
		return nil, fmt.Errorf("open source: %w", err)
	}
	s.conn = poolCfg.ConnConfig
	if s.pool, err = pgxpool.NewWithConfig(ctx, poolCfg); err != nil {
		return nil, fmt.Errorf("open source: %w", err)
	}
	info, err := s.look(ctx)
	if err == nil {
		s.asked, err = s.askBehind(ctx)
	}
	if err == nil {
		err = providerOf(s.asked).refusal()
	}
	if err != nil {
		err = s.named(ctx, err)
		s.pool.Close()
		return nil, fmt.Errorf("open source: %s: %w", s.cfg.Addr, s.hinted(err))
	}
	s.meet(info)
	if s.cfg.Standby != nil {
		if err := s.openStandby(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("open source: rows from %s: %w", s.cfg.Standby.Addr, err), s.Close())
		}
	}
	return s, nil
}

// Close releases the connections for reading. A stream is closed by its own Close.
func (s *Source) Close() error {
	s.pool.Close()
	if s.standby != nil && s.standby.pool != nil {
		s.standby.pool.Close()
	}
	return nil
}

func (s *Source) look(ctx context.Context) (server, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return server{}, err
	}
	defer conn.Release()
	info := serverOf(conn)
	switch {
	case !info.atLeast(13):
		return info, fmt.Errorf("PostgreSQL %d is too old: want 13 or later", info.version/10000)
	case info.standby:
		return info, errStandby
	}
	return info, nil
}

var errStandby = &source.HintError{Err: errors.New("the server is a standby"), Advice: "name the primary in the source URL"}

// settings are what every session of ours needs to read alike: texts of times and bytes in one form, names
// of types with their schemas, whatever the account takes for all names without one, and snapshots that are not older than
// the statement.
func (c Config) settings() map[string]string {
	return map[string]string{
		"application_name": "meepo-replicate", "search_path": "pg_catalog", "timezone": "UTC", "datestyle": "ISO, MDY", "intervalstyle": "iso_8601", "bytea_output": "hex",
		"extra_float_digits": "1", "client_encoding": "UTF8", "default_transaction_isolation": "read committed", "jit": "off",
		"statement_timeout": strconv.FormatInt(c.ReadTimeout.Milliseconds(), 10),
	}
}

// pool is how a server is reached, of which accept may refuse what it finds it to be.
func (c Config) pool(accept func(context.Context, *pgx.Conn, *server) error) (*pgxpool.Config, error) {
	host, port, err := c.hostPort()
	if err != nil {
		return nil, err
	}
	// The environment's PG… variables are the user's other tools': nothing of them may count here.
	cfg, err := pgxpool.ParseConfig("host=localhost port=5432 user=nobody dbname=none sslmode=disable target_session_attrs=any")
	if err != nil {
		return nil, err
	}
	tlsConfig, err := c.TLS.Build(c.Addr)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	into := &cfg.ConnConfig.Config
	into.Host, into.Port, into.User, into.Database, into.Password, into.TLSConfig, into.Fallbacks = host, port, c.User, c.Database, "", tlsConfig, nil
	if c.TLS.Mode == source.TLSPreferred {
		into.Fallbacks = []*pgconn.FallbackConfig{{Host: host, Port: port}}
	}
	into.ConnectTimeout, into.RuntimeParams = c.DialTimeout, c.settings()
	cfg.MaxConns, cfg.MinConns = int32(c.MaxConns), 0
	// Idle connections go, and old ones too, so that a failover behind a proxy is noticed.
	cfg.MaxConnIdleTime, cfg.MaxConnLifetime = time.Minute, 15*time.Minute
	cfg.BeforeConnect = func(ctx context.Context, cc *pgx.ConnConfig) error { return c.fillPassword(ctx, &cc.Config) }
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		info, err := identify(ctx, conn)
		if err == nil {
			err = accept(ctx, conn, &info)
		}
		conn.PgConn().CustomData()[serverKey] = info
		return err
	}
	return cfg, nil
}

// refuseStandby: a standby's snapshots say too early that a transaction can be seen.
func refuseStandby(_ context.Context, _ *pgx.Conn, info *server) error {
	if info.standby {
		return errStandby
	}
	return nil
}

func (c Config) fillPassword(ctx context.Context, cfg *pgconn.Config) (err error) {
	if c.Password == nil {
		return nil
	}
	if cfg.Password, err = c.Password(ctx); err != nil {
		return fmt.Errorf("password: %w", err)
	}
	return nil
}

const serverKey = "server" // of a connection's own data

// identify asks the server who it is: behind one address there can be another one after a failover, and
// connections to both are in the pool for a while.
func identify(ctx context.Context, conn *pgx.Conn) (server, error) {
	var info server
	err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, system_identifier::text, pg_is_in_recovery() FROM pg_control_system()`,
		pgx.QueryExecModeSimpleProtocol).Scan(&info.version, &info.system, &info.standby)
	if err != nil {
		return info, fmt.Errorf("ask the server who it is: %w", err)
	}
	return info, nil
}

// serverOf returns the server that a connection of the pool leads to.
func serverOf(conn *pgxpool.Conn) server {
	info, _ := conn.Conn().PgConn().CustomData()[serverKey].(server) // AfterConnect has put it there
	return info
}

// server returns the server that is followed.
func (s *Source) server() server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

func (s *Source) meet(info server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.info = info
}

// dialLog makes a connection that can read the log, and says which server it leads to.
func (s *Source) dialLog(ctx context.Context) (*pgconn.PgConn, pglogrepl.IdentifySystemResult, error) {
	cfg := s.conn.Config.Copy()
	cfg.RuntimeParams["replication"] = "database"
	delete(cfg.RuntimeParams, "statement_timeout")
	if err := s.cfg.fillPassword(ctx, cfg); err != nil {
		return nil, pglogrepl.IdentifySystemResult{}, err
	}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, pglogrepl.IdentifySystemResult{}, err
	}
	who, err := pglogrepl.IdentifySystem(ctx, conn)
	if err != nil {
		return nil, who, errors.Join(fmt.Errorf("ask the server who it is: %w", err), hangUp(conn))
	}
	if err := leadsToStandby(ctx, conn); err != nil {
		return nil, who, errors.Join(err, hangUp(conn))
	}
	return conn, who, nil
}

// leadsToStandby looks whether a connection for the log leads to a standby, which has a log, too, from 16 on: what it tells
// cannot be compared with the primary's.
func leadsToStandby(ctx context.Context, conn *pgconn.PgConn) error {
	results, err := conn.Exec(ctx, "SELECT pg_is_in_recovery()").ReadAll()
	switch {
	case err != nil:
		return fmt.Errorf("ask the server who it is: %w", err)
	case len(results) == 1 && len(results[0].Rows) == 1 && string(results[0].Rows[0][0]) == "t":
		return errStandby
	}
	return nil
}

// stops reports whether the server is shutting down: it lets nobody in then.
func (s *Source) stops(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, _, err := s.dialLog(ctx)
	if err == nil {
		_ = hangUp(conn)
	}
	return isCode(err, codeCannotConnect)
}

// hangUp ends a connection for the log without ceremony: the server notices.
func hangUp(conn *pgconn.PgConn) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return conn.Close(ctx)
}
