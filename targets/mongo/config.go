package mongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/meepo-replicate/meepo/targets"
)

// Config is how to reach the servers, and how to write to them.
type Config struct {
	// URL is "mongodb://user:password@host:27017/database?replicaSet=…" or "mongodb+srv://…", as every client reads it.
	URL string
	// User stands for the one of the URL. Empty: the URL's.
	User string
	// Password is asked for when a connection is begun, and again when the server refuses it, so that it can change. Nil:
	// the URL's.
	Password func(context.Context) (string, error)
	// CAFile is a PEM file of the authorities to trust; it stands for tlsCAFile, and for tls=true. Empty: as the URL says.
	CAFile string
	// Conns is the number of connections to a server at most. 0: 8.
	Conns int
	// MaxBatchOps is the number of operations in a request at most. 0: 1000.
	MaxBatchOps int
	// MaxBatchBytes is about the size of a request at most, unless a single document is larger. 0: 8 MiB.
	MaxBatchBytes int
	// Timeout is how long a request may take, on the server too. 0: 20 s.
	Timeout time.Duration
	// Logger takes what an operator may want to know. Nil: nobody does.
	Logger *slog.Logger
}

const (
	defaultConns      = 8
	defaultBatchOps   = 1000
	defaultBatchBytes = 8 << 20
	defaultTimeout    = 20 * time.Second
	// defaultSelection is how long a request looks for a server that is there. It is short, since whoever writes tries again.
	defaultSelection = 5 * time.Second
)

// Validate returns all problems of the config, joined.
func (c Config) Validate() error {
	_, err := c.client()
	return errors.Join(err, targets.NotNegative("connections", int64(c.Conns)), targets.NotNegative("max batch ops", int64(c.MaxBatchOps)),
		targets.NotNegative("max batch bytes", int64(c.MaxBatchBytes)), targets.NotNegative("timeout", int64(c.Timeout)))
}

func (c Config) withDefaults() Config {
	if c.Conns == 0 {
		c.Conns = defaultConns
	}
	if c.MaxBatchOps == 0 {
		c.MaxBatchOps = defaultBatchOps
	}
	if c.MaxBatchBytes == 0 {
		c.MaxBatchBytes = defaultBatchBytes
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	return c
}

// Database is the database that the URL names; empty if it names none, or cannot be read.
func (c Config) Database() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return ""
	}
	name, err := url.PathUnescape(strings.TrimPrefix(u.Path, "/"))
	if err != nil {
		return ""
	}
	return name
}

// client is the config as the client library wants it, without the password that is asked for. Its errors never repeat the
// URL, which may hold a password.
func (c Config) client() (*options.ClientOptions, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("url: not a valid one (not shown, it may hold a password)")
	}
	if (u.Scheme != "mongodb" && u.Scheme != "mongodb+srv") || u.Host == "" {
		return nil, errors.New(`url: want "mongodb://user@host:27017/database"`)
	}
	if name := c.Database(); name != "" {
		if err := checkDatabase(name); err != nil {
			return nil, fmt.Errorf("url of %s: %w", u.Host, err)
		}
	}
	if c.CAFile != "" {
		query := u.Query()
		query.Set("tls", "true")
		query.Set("tlsCAFile", c.CAFile)
		u.RawQuery = query.Encode()
	}
	if u.Path == "" {
		u.Path = "/"
	}
	o := options.Client().ApplyURI(u.String())
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("url of %s: %s", u.Host, withoutAccount(err.Error(), u))
	}
	if o.WriteConcern == nil {
		o.SetWriteConcern(writeconcern.Majority())
	} else if !o.WriteConcern.Acknowledged() {
		return nil, fmt.Errorf("url of %s: w=0 gives no answer to a write, so that none could be told from a lost one; leave w out", u.Host)
	}
	o.SetReadPreference(readpref.Primary()) // a secondary may not have yet what was written
	// Whoever writes tries again itself. An error of a second try of the library's would hide that the first had no answer.
	o.SetRetryWrites(false)
	if o.ServerSelectionTimeout == nil {
		o.SetServerSelectionTimeout(defaultSelection)
	}
	if o.AppName == nil {
		o.SetAppName("meepo-replicate")
	}
	if c.User != "" {
		auth := credential(o)
		auth.Username = c.User
		o.SetAuth(auth)
	}
	return o, nil
}

// credential is the account that options name so far.
func credential(o *options.ClientOptions) options.Credential {
	if o.Auth == nil {
		return options.Credential{}
	}
	return *o.Auth
}

// withoutAccount is a text of the client library's without what the URL says of the account.
func withoutAccount(text string, u *url.URL) string {
	if u.User == nil {
		return text
	}
	text = strings.ReplaceAll(text, u.User.String(), "…")
	if password, ok := u.User.Password(); ok && password != "" {
		text = strings.ReplaceAll(text, password, "…")
	}
	return text
}
