package main

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/postgres"
)

// postgresTarget is PostgreSQL as a target.
type postgresTarget struct{}

func (postgresTarget) name() string { return "postgres" }

func (postgresTarget) check(c *config) []error {
	_, err := c.postgresTargetConfig()
	if err == nil {
		return nil
	}
	return c.driverProblems(err, "target.url", targetPlaces...)
}

func (postgresTarget) rules(*config) mappings.Rules {
	return mappings.Rules{
		Name: postgres.CheckName, Fields: postgres.CheckFields, KeyIsFields: true, Default: source.Table.String,
		Block: "postgres", Types: postgres.Types(), Options: postgres.Options(), Destination: postgres.CheckOptions,
	}
}

func (postgresTarget) ddl(c *config, dests []*targets.Destination) (string, error) {
	cfg, err := c.postgresTargetConfig()
	if err != nil {
		return "", err
	}
	return described(postgres.DescribeOwn(), dests, cfg.Describe)
}

func (postgresTarget) open(ctx context.Context, c *config, log *slog.Logger) (targetDriver, error) {
	cfg, err := c.postgresTargetConfig()
	if err != nil {
		return nil, err
	}
	cfg.Logger = log.With("target", "postgres")
	dst, err := postgres.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return dst, nil
}

// postgresTargetConfig is the target's part of the configuration as its driver wants it.
func (c *config) postgresTargetConfig() (postgres.Config, error) {
	t := c.Target
	cfg := postgres.Config{URL: t.accountURL(), User: t.User, CAFile: t.CAFile, VersionColumn: t.VersionColumn, Password: t.Password.reader(c.variableOf("target.password"))}
	wrong := c.otherTargets("PostgreSQL knows none; use user and password", "PostgreSQL is asked by its authority; use ca_file", "")
	if samePostgres(c.Source.URL, t.URL) {
		wrong = append(wrong, errors.New("is the database that is the source: its tables would be written onto themselves"))
	}
	return cfg, errors.Join(append(wrong, cfg.Validate())...)
}

// samePostgres says whether two URLs name one database.
func samePostgres(source, target string) bool {
	a, errA := url.Parse(source)
	b, errB := url.Parse(target)
	if errA != nil || errB != nil || !slices.Contains(postgresKind{}.schemes(), a.Scheme) {
		return false
	}
	port := func(u *url.URL) string {
		if u.Port() == "" {
			return "5432"
		}
		return u.Port()
	}
	return strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b) && strings.Trim(a.Path, "/") == strings.Trim(b.Path, "/")
}
