package mappings

import (
	"fmt"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// kinds translates what a column holds to what a field holds. The values are the same, so that a
// plan copies them.
var kinds = map[source.Kind]targets.Kind{
	source.KindText:      targets.KindText,
	source.KindInt:       targets.KindInt,
	source.KindUint:      targets.KindUint,
	source.KindFloat:     targets.KindFloat,
	source.KindDecimal:   targets.KindDecimal,
	source.KindBool:      targets.KindBool,
	source.KindBinary:    targets.KindBinary,
	source.KindDate:      targets.KindDate,
	source.KindDateTime:  targets.KindDateTime,
	source.KindTimestamp: targets.KindTimestamp,
	source.KindTime:      targets.KindTime,
	source.KindEnum:      targets.KindEnum,
	source.KindSet:       targets.KindSet,
	source.KindJSON:      targets.KindJSON,
	source.KindUUID:      targets.KindUUID,
	source.KindInet:      targets.KindInet,
	source.KindGeometry:  targets.KindGeometry,
	source.KindVector:    targets.KindVector,
}

// canBeKey reports whether a column of this kind can be part of a key: its values have one text
// each. The source's catalog is stricter, since it knows how its log shows them.
func canBeKey(kind source.Kind) bool {
	switch kind {
	case source.KindText, source.KindInt, source.KindUint, source.KindDecimal, source.KindBinary,
		source.KindDate, source.KindDateTime, source.KindTimestamp, source.KindTime,
		source.KindEnum, source.KindUUID, source.KindInet, source.KindBool:
		return true
	}
	return false
}

// fieldOf describes the field that a column becomes.
func fieldOf(column source.Column, name string) (targets.Field, error) {
	kind, ok := kinds[column.Type.Kind]
	if !ok {
		return targets.Field{}, fmt.Errorf("column %s: kind %d has no field kind", column.Name, column.Type.Kind)
	}
	return targets.Field{
		Name:      name,
		Kind:      kind,
		Native:    column.Type.Native,
		Bits:      column.Type.Bits,
		Precision: column.Type.Precision,
		Scale:     column.Type.Scale,
		Length:    column.Type.Length,
		Members:   column.Type.Members,
		Nullable:  column.Nullable,
	}, nil
}
