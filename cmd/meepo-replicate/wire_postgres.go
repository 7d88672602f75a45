package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/postgres"
)

// postgresKind is PostgreSQL as a source.
type postgresKind struct{}

func (postgresKind) schemes() []string { return []string{"postgres", "postgresql"} }

func (postgresKind) typeNamed(native string) (source.Type, error) { return postgres.TypeNamed(native) }

func (postgresKind) check(c *config) []error {
	cfg, err := c.postgresConfig()
	if err == nil {
		return nil
	}
	return c.driverProblems(err, "source.url", append(tlsProblems(cfg.TLS), "slot", "source.slot", "publication", "source.publication", "read url", "source.read_url", "standby", "source.read_url")...)
}

func (postgresKind) inURL(raw string) (urlSays, bool) {
	_, password, err := postgres.ParseURL(raw)
	return urlSays{password: password, schema: "public", all: source.Pattern{Schema: "*", Name: "*"}}, err == nil
}

func (postgresKind) open(ctx context.Context, c *config, log *slog.Logger) (sourceDriver, error) {
	cfg, err := c.postgresConfig()
	if err != nil {
		return nil, err
	}
	cfg.Logger = log.With("source", cfg.Addr)
	src, err := postgres.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return src, nil
}

// postgresConfig is the source's part of the configuration as its driver wants it.
func (c *config) postgresConfig() (postgres.Config, error) {
	cfg, password, err := postgres.ParseURL(c.Source.URL)
	if err != nil {
		return postgres.Config{}, err
	}
	cfg.Password, cfg.TLS = c.sourcePassword(password), c.sourceTLS(cfg.TLS)
	for _, over := range []struct {
		into       *string
		name, text string
	}{{&cfg.Slot, "source.slot", c.Source.Slot}, {&cfg.Publication, "source.publication", c.Source.Publication}} {
		c.over(over.into, over.name, over.text)
	}
	if cfg.MessageEvery = c.Source.Heartbeat; cfg.MessageEvery == 0 {
		cfg.MessageEvery = -1 // zero is the driver's default
	}
	if c.Source.ReadURL != "" {
		if cfg.Standby, err = c.standby(cfg); err != nil {
			return cfg, fmt.Errorf("read url: %w", err)
		}
	}
	return cfg, cfg.Validate()
}

// standby is the server that source.read_url names. What the URL does not say is as for the source.
func (c *config) standby(of postgres.Config) (*postgres.Standby, error) {
	cfg, password, err := postgres.ParseURL(c.Source.ReadURL)
	switch {
	case err != nil:
		return nil, err
	case cfg.Addr == "":
		return nil, errors.New("no host: want one, as in postgres://standby:5432")
	case cfg.Slot != "" || cfg.Publication != "":
		return nil, errors.New("slot and publication are the source's: leave them out")
	case cfg.Database != "" && cfg.Database != of.Database:
		return nil, fmt.Errorf("database %q: want that of the source, %q", cfg.Database, of.Database)
	}
	s := &postgres.Standby{Addr: cfg.Addr, User: cfg.User, TLS: cfg.TLS, Password: of.Password}
	if s.User == "" {
		s.User = of.User
	}
	if password != "" {
		s.Password = func(context.Context) (string, error) { return password, nil }
	} else if s.User != of.User {
		s.Password = nil // the source's is another account's
	}
	if s.TLS == (source.TLSConfig{}) {
		s.TLS = of.TLS
		s.TLS.ServerName = "" // that is the source's
	}
	return s, nil
}
