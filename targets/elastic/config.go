package elastic

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/meepo-replicate/meepo/targets"
)

// Config says where Elasticsearch is and how to speak to it.
type Config struct {
	// URLs are the nodes, "https://es-1:9200", tried in turn. At least one. A user and password in
	// a URL stand for User and Password.
	URLs []string
	// User of basic authentication. Empty: none.
	User string
	// Password of User, asked for again at each request, so that it can change. Nil: none.
	Password func(context.Context) (string, error)
	// APIKey is the base64 form that Elasticsearch calls "encoded", asked for again at each
	// request. Nil: none. Not together with User.
	APIKey func(context.Context) (string, error)
	// CAFile is a PEM file of the authorities to trust. Empty: those of the system.
	CAFile string
	// CertFingerprint is the SHA-256 of a certificate in hex, as Elasticsearch prints it at its
	// first start, with or without colons: that certificate, or those that it signed, are trusted.
	// Empty: none. Not together with CAFile.
	CertFingerprint string
	// MaxBulkOps is the number of operations in a request at most. 0: 1000.
	MaxBulkOps int
	// MaxBulkBytes is the size of a request at most, unless a single document is larger. 0: 5 MiB.
	MaxBulkBytes int
	// Timeout is how long one attempt of a request may take. 0: a minute.
	Timeout time.Duration
	// Compress sends and takes bodies with gzip: for slow networks, at the price of CPU.
	Compress bool
	// Logger takes what an operator may want to know. Nil: nobody does.
	Logger *slog.Logger
}

const (
	defaultBulkOps   = 1000
	defaultBulkBytes = 5 << 20
	defaultTimeout   = time.Minute
)

// Validate returns all problems of the config, joined.
func (c Config) Validate() error {
	var problems []error
	if len(c.URLs) == 0 {
		problems = append(problems, errors.New("no url"))
	}
	credentials := 0
	for _, text := range c.URLs {
		u, err := parseURL(text)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if u.User != nil {
			credentials = 1
		}
	}
	if c.User != "" {
		credentials++
	}
	if c.APIKey != nil {
		credentials++
	}
	if credentials > 1 {
		problems = append(problems, errors.New("more than one of user, api key and a user in the url: name one"))
	}
	if c.CertFingerprint != "" {
		if _, err := fingerprint(c.CertFingerprint); err != nil {
			problems = append(problems, err)
		}
		if c.CAFile != "" {
			problems = append(problems, errors.New("ca file and certificate fingerprint: name one"))
		}
	}
	return errors.Join(append(problems, targets.NotNegative("max bulk ops", int64(c.MaxBulkOps)), targets.NotNegative("max bulk bytes", int64(c.MaxBulkBytes)),
		targets.NotNegative("timeout", int64(c.Timeout)))...)
}

func (c Config) withDefaults() Config {
	if c.MaxBulkOps == 0 {
		c.MaxBulkOps = defaultBulkOps
	}
	if c.MaxBulkBytes == 0 {
		c.MaxBulkBytes = defaultBulkBytes
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// parseURL never repeats the URL in its error: it may hold a password.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) && !strings.Contains(text, "@") {
			return nil, fmt.Errorf("url %q: %w", text, parse.Err)
		}
		return nil, errors.New("url: not a valid one (not shown, it may hold a password)")
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf(`url %q: want "https://host:9200"`, u.Redacted())
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("url of %s: has a query or a fragment", u.Host)
	}
	return u, nil
}

func fingerprint(text string) ([]byte, error) {
	sum, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(sum) != 32 {
		return nil, errors.New("certificate fingerprint: want the 64 hex digits of a SHA-256")
	}
	return sum, nil
}
