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
)

// This file is the only list of drivers; each has a file of its own beside it.

// sourceDriver is what every source can do.
type sourceDriver interface {
	source.Log
	source.Onlooker
	source.PositionReader
	source.Reader
	source.Scanner
	source.Catalog
	source.Clock
	source.Checker
	source.Introducer
	Close() error
}

// targetDriver is what every target can do.
type targetDriver interface {
	targets.Writer
	targets.Scanner
	targets.Reader
	targets.Checker
	targets.Comparer
}

// sourceKind is a source's driver as the command line sees it.
type sourceKind interface {
	schemes() []string // of its URLs
	// check looks at its part of the configuration.
	check(c *config) []error
	open(ctx context.Context, c *config, log *slog.Logger) (sourceDriver, error)
	// inURL returns what a URL says of it, and false for a URL that cannot be read.
	inURL(raw string) (said urlSays, fits bool)
	// typeNamed is the type of a column that is declared so.
	typeNamed(native string) (source.Type, error)
}

// urlSays is what a source's URL says beside the address.
type urlSays struct {
	password string         // empty: none
	schema   string         // that table names without one belong to; empty: none
	all      source.Pattern // every table of what the URL names
}

var sourceKinds = []sourceKind{mysqlKind{}, postgresKind{}}

// targetKind is a target's driver as the command line sees it.
type targetKind interface {
	name() string
	check(c *config) []error
	open(ctx context.Context, c *config, log *slog.Logger) (targetDriver, error)
	// rules are what the target cannot have, and how it names what no mapping names.
	rules(c *config) mappings.Rules
	// ddl is what a run would make of destinations in an empty target. It asks nobody.
	ddl(c *config, dests []*targets.Destination) (string, error)
}

var targetKinds = []targetKind{elasticKind{}, mongoKind{}, postgresTarget{}}

// targetNames lists the targets.
func targetNames() []string {
	var names []string
	for _, kind := range targetKinds {
		names = append(names, kind.name())
	}
	return names
}

// sourceKind is the driver that the source's URL asks for; one of them where it asks for none, whose driver
// says what is wrong with it.
func (c *config) sourceKind() sourceKind {
	scheme, _, _ := strings.Cut(c.Source.URL, ":")
	for _, kind := range sourceKinds {
		if slices.Contains(kind.schemes(), scheme) {
			return kind
		}
	}
	return sourceKinds[0]
}

// targetKind is the driver that was asked for; a config that was checked has one.
func (c *config) targetKind() targetKind {
	for _, kind := range targetKinds {
		if kind.name() == c.Target.Kind {
			return kind
		}
	}
	return targetKinds[0]
}

// checkDrivers lets the drivers look at their settings.
func (c *config) checkDrivers(use usedBy) []error {
	var wrong []error
	if use&sourceSide != 0 && c.Source.URL != "" {
		wrong = append(wrong, c.sourceKind().check(c)...)
	}
	if use&targetSide != 0 && c.Target.URL != "" {
		wrong = append(wrong, c.targetKind().check(c)...)
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

// otherTargets names the settings of other targets that are said: what a target knows instead, by the beginnings of
// targetPlaces. An empty one is known.
func (c *config) otherTargets(apiKey, fingerprint, versionColumn string) []error {
	var wrong []error
	for _, s := range []struct {
		said          bool
		name, instead string
	}{
		{c.Target.APIKey.reader(c.variableOf("target.api_key")) != nil, "api key", apiKey},
		{c.Target.Fingerprint != "", "fingerprint", fingerprint},
		{c.Target.VersionColumn != "", "version column", versionColumn},
	} {
		if s.said && s.instead != "" {
			wrong = append(wrong, errors.New(s.name+": "+s.instead))
		}
	}
	return wrong
}

// targetPlaces are the settings that problems of a target's are of, see driverProblems.
var targetPlaces = []string{"api key", "target.api_key", "fingerprint", "target.fingerprint", "version column", "target.version_column"}

// accountURL is the target's URL, without the account where a higher layer names another one.
func (t targetConfig) accountURL() string {
	u, err := url.Parse(t.URL)
	if err != nil || u.User == nil || t.AccountInURL {
		return t.URL // the driver says what is wrong with it
	}
	u.User = nil
	return u.String()
}
