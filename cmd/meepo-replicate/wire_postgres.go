package main

import (
	"context"
	"log/slog"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/postgres"
)

// postgresKind is PostgreSQL as a source.
type postgresKind struct{}

func (postgresKind) schemes() []string { return []string{"postgres", "postgresql"} }

func (postgresKind) check(c *config) []error {
	cfg, err := c.postgresConfig()
	if err == nil {
		return nil
	}
	return c.driverProblems(err, "source.url", append(tlsProblems(cfg.TLS), "slot", "source.slot", "publication", "source.publication")...)
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
	return cfg, cfg.Validate()
}
