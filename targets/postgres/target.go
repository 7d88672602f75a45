package postgres

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/meepo-replicate/meepo/targets"
)

// Target is a PostgreSQL that documents are written to.
type Target struct {
	config Config
	pool   *pgxpool.Pool

	mu    sync.Mutex
	dests map[string]*destination
}

var (
	_ targets.Writer    = (*Target)(nil)
	_ targets.Scanner   = (*Target)(nil)
	_ targets.Reader    = (*Target)(nil)
	_ targets.Preparer  = (*Target)(nil)
	_ targets.Emptiness = (*Target)(nil)
	_ targets.Counter   = (*Target)(nil)
)

// Open returns a target. It connects to nobody yet, so that a run can start while the server is away; Check and Prepare
// tell whether it is there.
func Open(ctx context.Context, config Config) (*Target, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	config = config.withDefaults()
	pc, err := config.pool()
	if err != nil {
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	pc.MaxConns, pc.MinConns = int32(config.Conns), 0
	if config.Password != nil {
		pc.BeforeConnect = func(ctx context.Context, cc *pgx.ConnConfig) (err error) {
			cc.Password, err = config.Password(ctx)
			return err
		}
	}
	pc.AfterConnect = durably
	settings := pc.ConnConfig.RuntimeParams
	settings["timezone"], settings["datestyle"], settings["intervalstyle"] = "UTC", "ISO, YMD", "iso_8601"
	settings["bytea_output"], settings["extra_float_digits"], settings["client_encoding"] = "hex", "1", "UTF8"
	settings["statement_timeout"] = strconv.FormatInt(config.Timeout.Milliseconds(), 10)
	if settings["application_name"] == "" {
		settings["application_name"] = "meepo-replicate"
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	return &Target{config: config, pool: pool, dests: map[string]*destination{}}, nil
}

// durably sees to it that an answered commit survives a crash of the server: a database's or an account's settings may have said
// that it need not. What is set stronger, or weaker only as to standbys, stays; as the session's own it does not change with the
// server's file.
func durably(ctx context.Context, conn *pgx.Conn) error {
	const pin = "SELECT set_config('synchronous_commit', CASE setting WHEN 'off' THEN 'on' ELSE setting END, false)" +
		" FROM pg_settings WHERE name = 'synchronous_commit'"
	if _, err := conn.Exec(ctx, pin, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("set synchronous_commit: %w", err)
	}
	return nil
}

// Close closes the connections.
func (t *Target) Close(context.Context) error {
	t.pool.Close()
	return nil
}

// limited bounds a request: the server gives it up first.
func (t *Target) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, t.config.Timeout+grace)
}
