package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
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
	return c.driverProblems(err, "target.url", targetPlaces...)
}

// rules: a collection is named as its table, in the database of the URL or in one named as the table's.
func (mongoKind) rules(c *config) mappings.Rules {
	database := mongo.Config{URL: c.Target.URL}.Database()
	return mappings.Rules{Name: mongo.CheckName, Fields: mongo.CheckFields, Block: "mongo", Types: mongo.Types(), Options: mongo.Options(), Destination: mongo.CheckOptions, Default: func(table source.Table) string {
		if database != "" {
			return database + "." + table.Name
		}
		return table.Schema + "." + table.Name
	}}
}

// ddl: what the driver keeps for itself is made by writing it.
func (mongoKind) ddl(_ *config, dests []*targets.Destination) (string, error) {
	return described("", dests, mongo.Describe)
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
	cfg := mongo.Config{URL: t.accountURL(), User: t.User, CAFile: t.CAFile, Password: t.Password.reader(c.variableOf("target.password"))}
	wrong := c.otherTargets("MongoDB knows none; use user and password", "MongoDB is asked by its authority; use ca_file", "documents of MongoDB get none")
	return cfg, errors.Join(append(wrong, cfg.Validate())...)
}
