package main

import (
	"context"
	"errors"
	"log/slog"
	"net/url"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets/mongo"
)

// mongoKind is MongoDB, and servers that speak its protocol.
type mongoKind struct{}

func (mongoKind) name() string { return "mongo" }

func (mongoKind) check(c *config) []error {
	_, err := c.mongoConfig()
	if err == nil {
		return nil
	}
	return c.driverProblems(err, "target.url", "api key", "target.api_key", "fingerprint", "target.fingerprint", "version column", "target.version_column")
}

// rules: a collection is named as its table, in the database of the URL or in one named as the table's.
func (mongoKind) rules(c *config) mappings.Rules {
	database := mongo.Config{URL: c.Target.URL}.Database()
	return mappings.Rules{Name: mongo.CheckName, Fields: mongo.CheckFields, Default: func(table source.Table) string {
		if database != "" {
			return database + "." + table.Name
		}
		return table.Schema + "." + table.Name
	}}
}

func (mongoKind) open(ctx context.Context, c *config, log *slog.Logger) (targetDriver, error) {
	cfg, err := c.mongoConfig()
	if err != nil {
		return nil, err
	}
	cfg.Logger = log.With("target", "mongo")
	dst, err := mongo.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return dst, nil
}

// mongoConfig is the target's part of the configuration as its driver wants it.
func (c *config) mongoConfig() (mongo.Config, error) {
	t := c.Target
	cfg := mongo.Config{URL: t.URL, User: t.User, CAFile: t.CAFile, Password: t.Password.reader(c.variableOf("target.password"))}
	var wrong []error
	if t.APIKey.reader(c.variableOf("target.api_key")) != nil {
		wrong = append(wrong, errors.New("api key: MongoDB knows none; use user and password"))
	}
	if t.Fingerprint != "" {
		wrong = append(wrong, errors.New("fingerprint: MongoDB is asked by its authority; use ca_file"))
	}
	if t.VersionColumn != "" {
		wrong = append(wrong, errors.New("version column: documents of MongoDB get none"))
	}
	if u, err := url.Parse(t.URL); err == nil && u.User != nil && !t.AccountInURL {
		u.User = nil // a higher layer names another account
		cfg.URL = u.String()
	}
	return cfg, errors.Join(append(wrong, cfg.Validate())...)
}
