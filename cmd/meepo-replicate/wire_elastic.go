package main

import (
	"context"
	"errors"
	"log/slog"
	"net/url"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

// elasticKind is Elasticsearch, and OpenSearch as far as it is the same.
type elasticKind struct{}

func (elasticKind) name() string { return "elastic" }

func (elasticKind) check(c *config) []error {
	_, err := c.elasticConfig()
	if err == nil {
		return nil
	}
	return c.driverProblems(err, "target.url", "ca file", "target.ca_file", "certificate fingerprint", "target.fingerprint", "version column", "target.version_column")
}

func (elasticKind) rules(*config) mappings.Rules {
	return mappings.Rules{Name: elastic.CheckName, Fields: elastic.CheckFields, Block: "elastic", Types: elastic.Types(), Options: elastic.Options(), Destination: elastic.CheckOptions}
}

func (elasticKind) ddl(_ *config, dests []*targets.Destination) (string, error) {
	own, err := elastic.DescribeOwn()
	if err != nil {
		return "", err
	}
	return described(own, dests, elastic.Describe)
}

func (elasticKind) open(ctx context.Context, c *config, log *slog.Logger) (targetDriver, error) {
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
	return cfg, errors.Join(append(c.otherTargets("", "", "Elasticsearch keeps versions without one"), cfg.Validate())...)
}
