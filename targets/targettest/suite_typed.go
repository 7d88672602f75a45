package targettest

import (
	"fmt"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

// keyCase is a key, and the ids that keys of it have: the texts that the sources print.
type keyCase struct {
	name string
	key  []targets.Field
	ids  []targets.ID
}

func keyCases() []keyCase {
	one := func(native string, field targets.Field, ids ...targets.ID) keyCase {
		field.Name, field.Native, field.Key = "k", native, true
		return keyCase{native, []targets.Field{field}, ids}
	}
	return []keyCase{
		one("tinyint", targets.Field{Kind: targets.KindInt, Bits: 8}, "-128", "0", "127"),
		one("bigint", targets.Field{Kind: targets.KindInt, Bits: 64}, "-9223372036854775808", "0", "9", "10", "9223372036854775807"),
		one("int unsigned", targets.Field{Kind: targets.KindUint, Bits: 32}, "0", "4294967295"),
		one("bigint unsigned", targets.Field{Kind: targets.KindUint, Bits: 64}, "0", "9", "18446744073709551615"),
		one("decimal(6,2)", targets.Field{Kind: targets.KindDecimal, Precision: 6, Scale: 2}, "-12.50", "0.00", "1.10"),
		one("numeric", targets.Field{Kind: targets.KindDecimal}, "1.1", "1.10", "1.100", "NaN"),
		one("boolean", targets.Field{Kind: targets.KindBool}, "true", "false"),
		one("varbinary(16)", targets.Field{Kind: targets.KindBinary, Length: 16}, "00", "00ff", "ff"),
		one("uuid", targets.Field{Kind: targets.KindUUID}, "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
		one("date", targets.Field{Kind: targets.KindDate}, "1000-01-01", "2024-02-29"),
		one("datetime", targets.Field{Kind: targets.KindDateTime}, "2024-01-01T00:00:00"),
		one("datetime(3)", targets.Field{Kind: targets.KindDateTime, Scale: 3}, "2024-01-01T00:00:00.000", "2024-01-01T00:00:00.120"),
		one("timestamp(6)", targets.Field{Kind: targets.KindTimestamp, Scale: 6}, "2024-01-01T00:00:00.000000Z", "2024-01-01T00:00:00.100000Z"),
		one("timestamp without time zone", targets.Field{Kind: targets.KindDateTime, Scale: 6}, "2024-01-01T00:00:00", "2024-01-01T00:00:00.12"),
		one("timestamp with time zone", targets.Field{Kind: targets.KindTimestamp, Scale: 6}, "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.123456Z"),
		one("time(2)", targets.Field{Kind: targets.KindTime, Scale: 2}, "-838:59:59.00", "01:00:00.50"),
		one("enum('a','B')", targets.Field{Kind: targets.KindEnum, Members: []string{"a", "B"}}, "a", "B"),
		one("inet6", targets.Field{Kind: targets.KindInet}, "::1", "192.0.2.1"),
		{"two columns", []targets.Field{
			{Name: "a", Kind: targets.KindInt, Native: "int", Bits: 32, Key: true}, {Name: "b", Kind: targets.KindText, Native: "varchar(20)", Length: 20, Key: true},
		}, []targets.ID{targets.JoinID("1", "x"), targets.JoinID("10", "x"), targets.JoinID("1", `a|b\\c`), targets.JoinID("1", "")}},
	}
}

// typedIDs: a target may keep a key in types of its own, and gives back the id as it was. The document shows no key.
func (s *suite) typedIDs(t *testing.T) {
	for _, c := range keyCases() {
		t.Run(c.name, func(t *testing.T) {
			target, _ := s.open(t, plain)
			dest := s.destination(plain)
			dest.Key = c.key
			if err := target.Prepare(t.Context(), []*targets.Destination{dest}); err != nil {
				t.Fatal(err)
			}
			want := map[targets.ID][]any{}
			var ops, removals []targets.Op
			for i, id := range c.ids {
				want[id] = []any{fmt.Sprint("document ", i), int64(i)}
				ops = append(ops, upsert(dest, id, 1, want[id]...))
				removals = append(removals, remove(dest, id, 2))
			}
			write(t, target, ops...)
			s.expect(t, target, dest, want)
			expectIDs(t, target, dest, c.ids)
			for i := range c.ids {
				if got := scanAll(t, target, dest, 1); len(got) != len(c.ids)-i {
					t.Errorf("one by one: %q", got)
				}
				write(t, target, removals[i])
			}
			expectIDs(t, target, dest, nil)
		})
	}
}
