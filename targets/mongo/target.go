package mongo

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/meepo-replicate/meepo/targets"
)

// Target is a MongoDB that documents are written to.
type Target struct {
	config Config

	lookAgain time.Duration         // how long what the server said of a collection is believed while it is written to
	monitor   *event.CommandMonitor // of tests; nil: none

	connecting sync.Mutex
	connected  *mongo.Client
	password   string // that connected has
	closed     bool
	most       int // operations in a request; 0: not asked for yet

	mu    sync.Mutex
	dests map[string]*destination
	quiet time.Time // until then a request of ours that had no answer may land
}

var (
	_ targets.Writer    = (*Target)(nil)
	_ targets.Scanner   = (*Target)(nil)
	_ targets.Reader    = (*Target)(nil)
	_ targets.Preparer  = (*Target)(nil)
	_ targets.Emptiness = (*Target)(nil)
	_ targets.Counter   = (*Target)(nil)
)

// Open returns a target. It connects to nobody yet, so that a run can start while the server is away; Check and Prepare
// tell whether it is there.
func Open(_ context.Context, config Config) (*Target, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("open mongo: %w", err)
	}
	return &Target{config: config.withDefaults(), lookAgain: 2 * time.Second, dests: map[string]*destination{}}, nil
}

// client returns the connection, and begins it where there is none.
func (t *Target) client(ctx context.Context) (*mongo.Client, error) {
	t.connecting.Lock()
	defer t.connecting.Unlock()
	if t.closed {
		return nil, mongo.ErrClientDisconnected
	}
	if t.connected != nil {
		return t.connected, nil
	}
	o, err := t.config.client()
	if err != nil {
		return nil, err
	}
	o.SetMaxPoolSize(uint64(t.config.Conns))
	o.SetMonitor(t.monitor)
	if t.config.Password != nil {
		if t.password, err = t.config.Password(ctx); err != nil {
			return nil, err
		}
		auth := credential(o)
		auth.Password, auth.PasswordSet = t.password, true
		o.SetAuth(auth)
	}
	t.connected, err = mongo.Connect(o)
	return t.connected, err
}

// ferretOps is how many operations may be under way in FerretDB 1: each that finds its document takes a connection of a pool
// of 50 until its request is done, and all hang for good when there are none left.
const ferretOps = 40

// batchOps returns how many operations a request may have at most.
func (t *Target) batchOps(ctx context.Context) (int, error) {
	client, err := t.client(ctx)
	if err != nil {
		return 0, err
	}
	t.connecting.Lock()
	most := t.most
	t.connecting.Unlock()
	if most > 0 {
		return most, nil
	}
	build, err := t.buildInfo(ctx, client)
	if err != nil {
		return 0, err
	}
	most = t.config.MaxBatchOps
	if build.Ferret != "" {
		most = min(most, max(1, ferretOps/t.config.Conns))
	}
	t.connecting.Lock()
	defer t.connecting.Unlock()
	t.most = most
	return most, nil
}

// buildInfo is what a server says of its program.
type buildInfo struct {
	Version string `bson:"version"`
	Ferret  string `bson:"ferretdbVersion"` // of FerretDB 1; empty: it is none
}

func (t *Target) buildInfo(ctx context.Context, client *mongo.Client) (build buildInfo, err error) {
	err = client.Database("admin").RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&build)
	return build, t.refused(ctx, client, err)
}

// refusedAccount is for when the server refuses the account: a password that has changed is asked for again.
func (t *Target) refusedAccount(ctx context.Context, client *mongo.Client) {
	if t.config.Password == nil {
		return
	}
	now, err := t.config.Password(ctx)
	if err != nil || !t.forget(client, now) {
		return
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	_ = client.Disconnect(over) // at once: its requests fail, as they do already
}

// forget gives up a connection that was begun with another password than the one of now.
func (t *Target) forget(client *mongo.Client, now string) bool {
	t.connecting.Lock()
	defer t.connecting.Unlock()
	if t.connected != client || now == t.password {
		return false
	}
	t.connected = nil
	return true
}

// Close closes the connections.
func (t *Target) Close(ctx context.Context) error {
	t.connecting.Lock()
	defer t.connecting.Unlock()
	t.closed = true
	if t.connected == nil {
		return nil
	}
	client := t.connected
	t.connected = nil
	return client.Disconnect(ctx)
}

// collection is a destination's. Its name was checked by Prepare.
func (t *Target) collection(ctx context.Context, dest string) (*mongo.Collection, error) {
	client, err := t.client(ctx)
	if err != nil {
		return nil, err
	}
	database, name, _ := strings.Cut(dest, ".")
	return client.Database(database).Collection(name), nil
}

// limited bounds a request; the client library tells the server to give it up a little earlier.
func (t *Target) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, t.config.Timeout)
}
