package postgres_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/faultproxy"
	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/postgres"
	"github.com/meepo-replicate/meepo/targets/targettest"
)

func TestTLS(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.Postgres)
	at, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := faultproxy.StartTLS(t, at.Host, faultproxy.GreetPostgres)
	at.Host = proxy.Addr
	open := func(config postgres.Config) *postgres.Target {
		target, err := postgres.Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = target.Close(t.Context()) })
		return target
	}
	dest := &targets.Destination{Name: "public.tls", Key: intKey, Fields: []targets.Field{{Name: "v", Kind: targets.KindText, Native: "text"}}}
	target := open(postgres.Config{URL: at.String(), CAFile: proxy.CAFile})
	prepare(t, target, dest)
	targettest.ExpectFailures(t, target, []targets.Op{upsert(dest, "1", "a")})
	for name, mode := range map[string]string{"an authority that is not trusted": "verify-full", "no TLS": "disable"} {
		other := open(postgres.Config{URL: at.String() + "?sslmode=" + mode})
		if _, err := other.Check(t.Context(), nil); err == nil || mode != "disable" && !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
