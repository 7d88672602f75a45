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

func (mysqlKind) check(c *config) []error {
	_, err := c.mysqlConfig()
	if err == nil {
		return nil
	}
	tls := c.Source.TLS
	return c.driverProblems(err, "source.url", "tls", "source.tls", "tls mode", "source.tls.mode", "ignore statements", "source.ignore_statements",
		"tls: stat "+tls.CAFile+":", "source.tls.ca_file", "tls: stat "+tls.CertFile+":", "source.tls.cert_file",
		"tls: stat "+tls.KeyFile+":", "source.tls.key_file")
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
	cfg.Password = s.Password.reader(c.variableOf("source.password"))
	if cfg.Password == nil && password != "" {
		cfg.Password = func(context.Context) (string, error) { return password, nil }
	}
	mode := string(cfg.TLS.Mode)
	for _, over := range []struct {
		into       *string
		name, text string
	}{
		{&mode, "source.tls.mode", s.TLS.Mode}, {&cfg.TLS.CAFile, "source.tls.ca_file", s.TLS.CAFile},
		{&cfg.TLS.CertFile, "source.tls.cert_file", s.TLS.CertFile}, {&cfg.TLS.KeyFile, "source.tls.key_file", s.TLS.KeyFile},
		{&cfg.TLS.ServerName, "source.tls.server_name", s.TLS.ServerName},
	} {
		if over.text != "" && (*over.into == "" || c.rank(over.name, "source.url") >= 0) {
			*over.into = over.text
		}
	}
	cfg.TLS.Mode = mysql.TLSMode(mode)
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
