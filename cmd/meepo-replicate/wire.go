package main

import (
	"context"
	"log/slog"
	"net/url"
	"strings"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/mysql"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// This file is the only list of drivers.

// sourceDriver is what every source can do.
type sourceDriver interface {
	source.Log
	source.Reader
	source.Scanner
	source.Catalog
	source.Clock
	source.Checker
	Close() error
}

// targetDriver is what every target can do.
type targetDriver interface {
	targets.Writer
	targets.Scanner
	targets.Checker
}

// checkDrivers lets the drivers look at their settings.
func (c *config) checkDrivers(use usedBy) []error {
	var wrong []error
	if use&sourceSide != 0 && c.Source.URL != "" {
		if _, err := c.mysqlConfig(); err != nil {
			tls := c.Source.TLS
			wrong = append(wrong, c.driverProblems(err, "source.url", "tls", "source.tls", "tls mode", "source.tls.mode",
				"tls: stat "+tls.CAFile+":", "source.tls.ca_file", "tls: stat "+tls.CertFile+":", "source.tls.cert_file",
				"tls: stat "+tls.KeyFile+":", "source.tls.key_file")...)
		}
	}
	if use&targetSide != 0 && c.Target.URL != "" {
		if _, err := c.elasticConfig(); err != nil {
			wrong = append(wrong, c.driverProblems(err, "target.url", "ca file", "target.ca_file", "certificate fingerprint", "target.fingerprint")...)
		}
	}
	return wrong
}

// driverProblems names the place of what a driver found wrong: setting, unless the driver's text
// begins with one of the prefixes, each followed by its own setting.
func (c *config) driverProblems(err error, setting string, prefixes ...string) []error {
	var wrong []error
	for _, e := range flatten(err) {
		name := setting
		for i := 0; i < len(prefixes); i += 2 {
			if strings.HasPrefix(e.Error(), prefixes[i]) {
				name = prefixes[i+1]
			}
		}
		at, ok := c.origins[name]
		if !ok {
			at = origin{name: name}
		}
		wrong = append(wrong, at.problem("%s", strings.TrimPrefix(e.Error(), "source url: ")))
	}
	return wrong
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
	return cfg, cfg.Validate()
}

// sourceURLFits reports whether the source's URL is there and can be read.
func (c *config) sourceURLFits() bool {
	_, _, err := mysql.ParseURL(c.Source.URL)
	return err == nil
}

// sourceURLPassword returns the password in the source's URL, empty if there is none.
func sourceURLPassword(raw string) string {
	_, password, err := mysql.ParseURL(raw)
	if err != nil {
		return "" // mysqlConfig says what is wrong with it
	}
	return password
}

// openSource connects to the source.
func openSource(ctx context.Context, c *config, log *slog.Logger) (sourceDriver, error) {
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

// elasticConfig is the target's part of the configuration as its driver wants it.
func (c *config) elasticConfig() (elastic.Config, error) {
	t := c.Target
	cfg := elastic.Config{
		User: t.User, CAFile: t.CAFile, CertFingerprint: t.Fingerprint,
		Password: t.Password.reader(c.variableOf("target.password")),
		APIKey:   t.APIKey.reader(c.variableOf("target.api_key")),
	}
	for _, raw := range splitList([]string{t.URL}) {
		u, err := url.Parse(raw)
		if err != nil || u.User == nil {
			cfg.URLs = append(cfg.URLs, raw) // the driver says what is wrong with it
			continue
		}
		if t.AccountInURL {
			cfg.User = u.User.Username()
			if password, ok := u.User.Password(); ok && cfg.Password == nil {
				cfg.Password = func(context.Context) (string, error) { return password, nil }
			}
		}
		u.User = nil
		cfg.URLs = append(cfg.URLs, u.String())
	}
	return cfg, cfg.Validate()
}

// targetRules are what the target cannot have.
func (c *config) targetRules() mappings.Rules {
	return mappings.Rules{Name: elastic.CheckName, Fields: elastic.CheckFields}
}

// openTarget prepares to speak to the target.
func openTarget(ctx context.Context, c *config, log *slog.Logger) (targetDriver, error) {
	cfg, err := c.elasticConfig()
	if err != nil {
		return nil, err
	}
	cfg.Logger = log.With("target", "elastic")
	dst, err := elastic.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return dst, nil
}

// defaultSchema is the database that table names without one belong to.
func (c *config) defaultSchema() string {
	cfg, _, err := mysql.ParseURL(c.Source.URL)
	if err != nil {
		return ""
	}
	return cfg.Database
}
