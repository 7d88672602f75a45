package targets

import (
	"slices"
	"testing"
)

func TestJoinID_Injective(t *testing.T) {
	seen := map[ID][]string{}
	for _, parts := range [][]string{
		{"1", "23"}, {"12", "3"}, {"a|b", "c"}, {"a", "b|c"}, {`a\`, "b"}, {`a\|b`, ""}, {"", ""}, {`\`, `|`},
	} {
		id := JoinID(parts...)
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q have the same id %q", parts, other, id)
		}
		seen[id] = parts
		if got, ok := SplitID(id, len(parts)); !ok || !slices.Equal(got, parts) {
			t.Errorf("SplitID(%q) = %q, %v, want %q", id, got, ok, parts)
		}
	}
}

func TestSplitID_RefusesWhatJoinCannotMake(t *testing.T) {
	for _, id := range []ID{"a", "a|b|c", `a\x|b`, `a|b\`} {
		if got, ok := SplitID(id, 2); ok {
			t.Errorf("SplitID(%q) = %q", id, got)
		}
	}
}
