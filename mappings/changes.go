package mappings

import (
	"fmt"
	"slices"

	"github.com/meepo-replicate/meepo/source"
)

// ChangeKind says what has changed between two definitions.
type ChangeKind uint8

// The kinds of changes.
const (
	MappingEdited ChangeKind = iota + 1
	ColumnAdded
	ColumnDropped
	ColumnRenamed // so it seems, or the catalog says so: one was dropped, and another of its type is in its place
	ColumnRetyped
	ColumnReplaced // another one has its name
	KeyChanged
)

// Change is one difference between two definitions.
type Change struct {
	Kind          ChangeKind
	Name          string // the mapping's key, or the column as it was, but for ColumnAdded
	Before, After string // texts, types, or the names of a ColumnRenamed
	// Lossless says that documents of after hold all that documents of before do. It is never said of a MappingEdited.
	Lossless bool
}

// String says what has changed, for people.
func (c Change) String() string {
	switch c.Kind {
	case MappingEdited:
		return fmt.Sprintf("%s was %s, is now %s", c.Name, orUnsaid(c.Before), orUnsaid(c.After))
	case ColumnAdded:
		return fmt.Sprintf("column %s %s was added", c.Name, c.After)
	case ColumnDropped:
		return fmt.Sprintf("column %s %s was dropped", c.Name, c.Before)
	case ColumnRenamed:
		return fmt.Sprintf("column %s was dropped and %s added in its place (renamed?)", c.Before, c.After)
	case ColumnRetyped:
		return fmt.Sprintf("column %s was %s, is now %s", c.Name, c.Before, c.After)
	case ColumnReplaced:
		return fmt.Sprintf("column %s %s was dropped and %[1]s %[3]s added under its name", c.Name, c.Before, c.After)
	case KeyChanged:
		return fmt.Sprintf("the key was (%s), is now (%s)", c.Before, c.After)
	}
	return "unknown change"
}

func orUnsaid(text string) string {
	if text == "" {
		return "not said"
	}
	return text
}

// Changes lists what has changed between two definitions of a plan: what its mapping says, and the columns that
// its documents and ids are made of.
func Changes(before, after Definition) []Change {
	return append(edits(before.Mapping, after.Mapping), alterations(before, after)...)
}

// edits compares what a mapping says.
func edits(before, after []Said) []Change {
	var list []Change
	for len(before)+len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].Key < after[0].Key:
			list = append(list, Change{Kind: MappingEdited, Name: before[0].Key, Before: before[0].Text})
			before = before[1:]
		case len(before) == 0 || after[0].Key < before[0].Key:
			list = append(list, Change{Kind: MappingEdited, Name: after[0].Key, After: after[0].Text})
			after = after[1:]
		default:
			if before[0].Text != after[0].Text {
				list = append(list, Change{Kind: MappingEdited, Name: after[0].Key, Before: before[0].Text, After: after[0].Text})
			}
			before, after = before[1:], after[1:]
		}
	}
	return list
}

// alterations compares the tables.
func alterations(before, after Definition) []Change {
	var list []Change
	var came []source.Column
	for _, column := range after.Table.Columns {
		if _, was := before.Table.Column(column.Name); !was && after.uses(column.Name) {
			came = append(came, column)
		}
	}
	for _, column := range before.Table.Columns {
		now, there := after.Table.Column(column.Name)
		switch {
		case !before.uses(column.Name) && !after.uses(column.Name):
		case there && column.Number != now.Number && column.Number != 0 && now.Number != 0:
			list = append(list, Change{Kind: ColumnReplaced, Name: column.Name, Before: column.Type.Native, After: now.Type.Native})
		case there && !retyped(column.Type, now.Type):
		case there:
			list = append(list, Change{Kind: ColumnRetyped, Name: column.Name, Before: column.Type.Native, After: now.Type.Native, Lossless: widened(column.Type, now.Type)})
		default:
			gone := Change{Kind: ColumnDropped, Name: column.Name, Before: column.Type.Native}
			at := slices.IndexFunc(came, func(c source.Column) bool {
				return inPlace(column, c) && !retyped(column.Type, c.Type) && !slices.Contains(before.LeftOut, c.Name)
			})
			if at >= 0 {
				gone = Change{Kind: ColumnRenamed, Name: column.Name, Before: column.Name, After: came[at].Name}
				came = slices.Delete(came, at, at+1)
			}
			list = append(list, gone)
		}
	}
	for _, column := range came {
		list = append(list, Change{Kind: ColumnAdded, Name: column.Name, After: column.Type.Native, Lossless: true})
	}
	if was, is := names(before.Table.KeyColumns()), names(after.Table.KeyColumns()); was != is {
		list = append(list, Change{Kind: KeyChanged, Before: was, After: is, Lossless: true})
	}
	return list
}

// inPlace reports whether a column that came is where another one was that is gone.
func inPlace(gone, came source.Column) bool {
	if gone.Number != 0 && came.Number != 0 {
		return gone.Number == came.Number
	}
	return gone.Ordinal == came.Ordinal
}

func names(columns []source.Column) string {
	text := ""
	for i, column := range columns {
		if i > 0 {
			text += ", "
		}
		text += column.Name
	}
	return text
}

// retyped reports whether a column's type is another one. The members of an enum may be others under the same name.
func retyped(before, after source.Type) bool {
	return before.Native != after.Native || !slices.Equal(before.Members, after.Members)
}

// widened reports whether every value of a type is one of another type, too, and becomes a field of the same kind.
func widened(before, after source.Type) bool {
	if before.Kind != after.Kind || before.Fixed != after.Fixed || before.Unknown || after.Unknown {
		return false
	}
	switch before.Kind {
	case source.KindInt, source.KindUint, source.KindFloat:
		return after.Bits >= before.Bits
	case source.KindDecimal:
		// Without a precision there is no limit.
		return after.Precision == 0 || before.Precision != 0 && after.Scale >= before.Scale && after.Precision-after.Scale >= before.Precision-before.Scale
	case source.KindText, source.KindBinary:
		return after.Length == 0 || before.Length != 0 && after.Length >= before.Length
	case source.KindDate, source.KindDateTime, source.KindTimestamp, source.KindTime:
		return after.Scale >= before.Scale
	case source.KindEnum, source.KindSet:
		return len(after.Members) >= len(before.Members) && slices.Equal(after.Members[:len(before.Members)], before.Members)
	case source.KindBool:
		return true
	}
	return false
}
