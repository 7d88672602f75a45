package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Checker = (*Target)(nil)

// Check looks at the server, then at each destination. What the account may do is told by the first run: a server lists the
// rights of roles, not of accounts.
func (t *Target) Check(ctx context.Context, dests []*targets.Destination) ([]targets.Finding, error) {
	var found targets.Findings
	if err := t.checkServer(ctx, &found); err != nil {
		return nil, fmt.Errorf("check mongo: %w", targets.Advise(err))
	}
	for _, dest := range dests {
		w, wrong, err := t.examine(ctx, dest)
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", dest.Name, err)
		}
		found.AddUnfit(dest.Name, wrong)
		if w.found != nil && w.before == nil && len(wrong) == 0 {
			found.Add(targets.Warning, dest.Name, "the collection was there before this product: documents whose _id could be a row's key, and is none, will be removed",
				"give the mapping another destination if they are still wanted")
		}
		if w.found != nil {
			checkCreated(dest, w.found, &found)
		}
		found.AddLosses(dest.Name, t.Losses(dest))
	}
	return found.WorstFirst(), nil
}

func (t *Target) checkServer(ctx context.Context, found *targets.Findings) error {
	ctx, cancel := t.limited(ctx)
	defer cancel()
	client, err := t.client(ctx)
	if err != nil {
		return err
	}
	// isMaster is the name of hello that every server knows.
	var hello struct {
		Primary    bool   `bson:"ismaster"`
		SetName    string `bson:"setName"`
		Message    string `bson:"msg"`
		MaxVersion int    `bson:"maxWireVersion"`
	}
	if err := client.Database("admin").RunCommand(ctx, bson.D{{Key: "isMaster", Value: 1}}).Decode(&hello); err != nil {
		return t.refused(ctx, client, err)
	}
	build, err := t.buildInfo(ctx, client)
	if err != nil {
		return err
	}
	found.Add(targets.Note, "server", fmt.Sprintf("MongoDB %s, wire version %d", build.Version, hello.MaxVersion), "")
	if build.Ferret != "" {
		found.Add(targets.Warning, "server", "it is FerretDB 1, which hangs on large requests: they have a few documents only",
			"use a MongoDB for more than tests")
	}
	if !hello.Primary {
		found.Add(targets.Fatal, "server", "it takes no writes: it is no primary", "leave directConnection out of target.url, and name the replica set: ?replicaSet=…")
	}
	if hello.SetName == "" && hello.Message != "isdbgrid" {
		found.Add(targets.Warning, "server", "it is alone, no replica set: what it has said to be written may be lost when it is, and nothing can be read again from another",
			"run it as a replica set, be it of one member")
	}
	o, err := t.config.client()
	if err != nil {
		return err
	}
	if w := o.WriteConcern.W; w != "majority" {
		found.Add(targets.Warning, "target.url", fmt.Sprintf("w=%v: a write that fewer than the majority have may be taken back when another server becomes the primary, and is lost then", w),
			"leave w out of the URL, or say w=majority")
	}
	if w := o.WriteConcern; w.Journal != nil && !*w.Journal {
		found.Add(targets.Warning, "target.url", "journal=false: a write that is acknowledged is lost when the servers lose power", "leave journal out of the URL")
	}
	return nil
}
