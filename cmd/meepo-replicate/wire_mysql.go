package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/mysql"
)

// mysqlKind is MySQL and MariaDB.
type mysqlKind struct{}

func (mysqlKind) schemes() []string { return []string{"mysql", "mariadb"} }

func (mysqlKind) typeNamed(native string) (source.Type, error) { return mysql.TypeNamed(native) }

func (mysqlKind) check(c *config) []error {
	cfg, err := c.mysqlConfig()
	if c.Source.ReadURL != "" {
		return []error{c.origins["source.read_url"].problem("rows can be read from a standby of PostgreSQL only")}
	}
	if err == nil {
		return nil
	}
	return c.driverProblems(err, "source.url", append(tlsProblems(cfg.TLS), "ignore statements", "source.ignore_statements")...)
}

func (mysqlKind) inURL(raw string) (urlSays, bool) {
	cfg, password, err := mysql.ParseURL(raw)
	said := urlSays{password: password, schema: cfg.Database, all: source.Pattern{Schema: cfg.Database, Name: "*"}}
	if cfg.Database == "" {
		said.all.Schema = "*"
	}
	return said, err == nil
}

func (mysqlKind) open(ctx context.Context, c *config, log *slog.Logger) (sourceDriver, error) {
	cfg, err := c.mysqlConfig()
	if err != nil {
		return nil, err
	}
	cfg.Logger = log.With("source", cfg.Addr)
	src, err := mysql.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return src, nil
}

// mysqlConfig is the source's part of the configuration as its driver wants it.
func (c *config) mysqlConfig() (mysql.Config, error) {
	cfg, password, err := mysql.ParseURL(c.Source.URL)
	if err != nil {
		return mysql.Config{}, err
	}
	s := c.Source
	cfg.Password, cfg.TLS = c.sourcePassword(password), c.sourceTLS(cfg.TLS)
	if s.ServerID != 0 && (cfg.ServerID == 0 || c.rank("source.server_id", "source.url") >= 0) {
		cfg.ServerID = s.ServerID
	}
	var wrong []error
	for _, text := range s.IgnoreStatements {
		pattern, err := source.ParsePattern(text, cfg.Database)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("ignore statements: %w", err))
		}
		cfg.IgnoreStatements = append(cfg.IgnoreStatements, pattern)
	}
	return cfg, errors.Join(append(wrong, cfg.Validate())...)
}
