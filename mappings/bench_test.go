package mappings

import (
	"testing"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
	"github.com/meepo-replicate/meepo/targets"
)

// BenchmarkPlan makes documents of a row of six columns: without a mapping, with one that only renames and leaves out, and
// with one that asks, computes, nests and masks.
func BenchmarkPlan(b *testing.B) {
	goods := sourcetest.Table("shop.goods", 1, sourcetest.Int("id"), sourcetest.Text("v"), sourcetest.Int("n"),
		sourcetest.Of("d", source.KindDecimal), sourcetest.Of("at", source.KindDateTime), sourcetest.Text("note"))
	row := source.Row{Key: sourcetest.Key(123456), Found: true, Values: []source.Value{
		int64(123456), "value 123456", int64(456), "123.45", "2026-01-02T03:04:05.123456", "a note that makes the row longer, number 123456"}}
	for _, bench := range []struct{ name, mapping string }{
		{"none", ""},
		{"plain", `{from: shop.goods, to: goods, fields: {v: {to: title}, d: {to: price.net}}}`},
		{"computed", `{from: shop.goods, to: goods, where: n >= 0 and v != nil, fields: {
			gross: {expr: d * 1.2}, at: {zone: Europe/Vienna}, note: {mask: hash, key: "a key of the test's own"}}}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var list []Mapping
			if bench.mapping != "" {
				file, err := Parse("mapping.yaml", []byte("version: 1\nmappings: ["+bench.mapping+"]"), nil)
				if err != nil {
					b.Fatal(err)
				}
				list = file.Mappings
			}
			plan := compile(b, list, goods)[0]
			ops := make([]targets.Op, 0, 1)
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if ops, err = plan.Ops(ops[:0], row, 1); err != nil || ops[0].Doc == nil {
					b.Fatal(ops, err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
