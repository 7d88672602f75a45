package mongo_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/faultproxy"
	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/mongo"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

func TestTLS(t *testing.T) {
	d := servertest.OpenMongo(t)
	proxy := faultproxy.StartTLS(t, strings.TrimPrefix(d.URL, "mongodb://"), nil)
	dest := &targets.Destination{Name: d.Name + ".tls", Key: intKey, Fields: text}
	target := openTarget(t, mongo.Config{URL: "mongodb://" + proxy.Addr + "/" + d.Name, CAFile: proxy.CAFile}, dest)
	targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", "a")})
	for name, config := range map[string]mongo.Config{
		"an authority that is not trusted": {URL: "mongodb://" + proxy.Addr + "/?tls=true&serverSelectionTimeoutMS=500"},
		"no TLS":                           {URL: "mongodb://" + proxy.Addr + "/?serverSelectionTimeoutMS=500"},
	} {
		config.Timeout = 3 * time.Second
		other, err := mongo.Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Check(t.Context(), nil); err == nil || strings.Contains(name, "trusted") && !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
		if err := other.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	missing := mongo.Config{URL: "mongodb://" + proxy.Addr, CAFile: filepath.Join(t.TempDir(), "none.pem")}
	if err := missing.Validate(); err == nil || !strings.Contains(err.Error(), "none.pem") {
		t.Errorf("an authority's file that is not there: %v", err)
	}
}
