package mappings

import (
	"testing"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/source/sourcetest"
)

// TestShare_Floats: a float and a double do not share a field: 0.1 of the one would become 0.10000000149 of the other.
func TestShare_Floats(t *testing.T) {
	file, err := Parse("m.yaml", []byte("version: 1\nmappings: [{from: shop.part_*, to: parts, id: '{table}:{id}'}]"), nil)
	if err != nil {
		t.Fatal(err)
	}
	part := func(name string, bits int) source.Columns {
		v := sourcetest.Of("v", source.KindFloat)
		v.Type.Bits, v.Type.Native = bits, map[int]string{32: "float", 64: "double"}[bits]
		return sourcetest.Table("shop."+name, 1, sourcetest.Int("id"), v)
	}
	if _, err := Compile(file.Mappings, []source.Columns{part("part_1", 32), part("part_2", 32)}, Rules{}); err != nil {
		t.Error(err)
	}
	_, err = Compile(file.Mappings, []source.Columns{part("part_1", 32), part("part_2", 64)}, Rules{})
	said := Errors(err)
	want := "destination \"parts\": field \"v\" would be double of shop.part_2 and float of shop.part_1: give both `type: text` with `fields`, or one of them another name"
	if len(said) != 1 || said[0].Short() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
