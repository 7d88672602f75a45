package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestMongoTarget_Types copies a row of nearly every type, and compares the document, as extended JSON, with a file.
func TestMongoTarget_Types(t *testing.T) {
	for _, flavor := range []servertest.Flavor{servertest.Postgres, servertest.MySQL} {
		t.Run(string(flavor), func(t *testing.T) {
			t.Parallel()
			db, to := servertest.OpenSQL(t, flavor).InSchema(t), servertest.OpenMongo(t)
			db.Exec(t, typedTables[flavor].create)
			db.Exec(t, typedTables[flavor].insert)
			dir := in(t, fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: mongo, url: %q}\ntables: [%s.typed]\n", db.ReplURL, to.URL+"/"+to.Name, db.Name))
			r := invocation{args: []string{"--once"}, dir: dir}.run(t)
			if code := r.wait(t); code != 0 {
				t.Fatalf("exit code %d: %s", code, r.stderr)
			}
			docs := to.Docs(t, "typed")
			if len(docs) != 1 {
				t.Fatalf("%d documents", len(docs))
			}
			got, err := bson.MarshalExtJSON(docs[0], true, false)
			if err != nil {
				t.Fatal(err)
			}
			var lines bytes.Buffer
			if err := json.Indent(&lines, got, "", " "); err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join("testdata", "mongo-types-"+string(flavor)+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if lines.String() != string(bytes.TrimSpace(want)) {
				t.Errorf("the document is\n%s", lines.String())
			}
		})
	}
}
