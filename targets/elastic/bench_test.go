package elastic_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/targets"
	"github.com/meepo-replicate/meepo/targets/elastic"
)

const benchOps = 1000

// BenchmarkWrite compares a Write of 1000 documents of ten fields with the same documents sent as
// bodies made beforehand, which is as fast as Elasticsearch is.
func BenchmarkWrite(b *testing.B) {
	server := servertest.OpenElastic(b)
	target, err := elastic.Open(b.Context(), elastic.Config{URLs: []string{server.URL}})
	if err != nil {
		b.Fatal(err)
	}
	defer target.Close(b.Context())
	dest := &targets.Destination{Name: server.Prefix + "bench", Fields: []targets.Field{
		{Name: "id", Kind: targets.KindInt, Bits: 64}, {Name: "name", Kind: targets.KindText, Length: 100}, {Name: "email", Kind: targets.KindText, Length: 100},
		{Name: "amount", Kind: targets.KindDecimal}, {Name: "rate", Kind: targets.KindFloat, Bits: 64}, {Name: "state", Kind: targets.KindEnum},
		{Name: "created", Kind: targets.KindDateTime}, {Name: "updated", Kind: targets.KindTimestamp}, {Name: "active", Kind: targets.KindInt, Bits: 8},
		{Name: "note", Kind: targets.KindText},
	}}
	if err := target.Prepare(b.Context(), []*targets.Destination{dest}); err != nil {
		b.Fatal(err)
	}
	ops := make([]targets.Op, benchOps)
	version := int64(0)
	next := func() {
		version++
		for i := range ops {
			n := int64(i) + version*benchOps
			ops[i] = upsert(dest, targets.ID(fmt.Sprint(n)), version, n, fmt.Sprintf("Customer Number %d", n), fmt.Sprintf("customer%d@example.com", n), "1234.50",
				0.12345, "paid", "2026-01-02T03:04:05", "2026-01-02T03:04:05.678901Z", int64(1), "a note of some words")
		}
	}
	perSecond := func(b *testing.B) {
		b.ReportMetric(float64(b.N*benchOps)/b.Elapsed().Seconds(), "docs/s")
	}
	b.Run("driver", func(b *testing.B) {
		for range b.N {
			b.StopTimer()
			next()
			b.StartTimer()
			if err := target.Write(b.Context(), ops); err != nil {
				b.Fatal(err)
			}
		}
		perSecond(b)
	})
	b.Run("bodies made beforehand", func(b *testing.B) {
		for range b.N {
			b.StopTimer()
			next()
			body := benchBody(ops)
			b.StartTimer()
			resp, err := http.Post(server.URL+"/_bulk?filter_path=errors", "application/json", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			answer, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || string(answer) != `{"errors":false}` {
				b.Fatalf("%s, %v", answer, err)
			}
		}
		perSecond(b)
	})
}

func benchBody(ops []targets.Op) []byte {
	var body bytes.Buffer
	for _, op := range ops {
		fmt.Fprintf(&body, `{"index":{"_index":%q,"_id":%q,"version":%d,"version_type":"external","require_alias":true}}`+"\n", op.Dest.Name, op.ID, op.Version)
		d := op.Doc
		fmt.Fprintf(&body, `{"id":%d,"name":%q,"email":%q,"amount":%q,"rate":%v,"state":%q,"created":%q,"updated":%q,"active":%d,"note":%q}`+"\n",
			d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9])
	}
	return body.Bytes()
}
