package cases

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

func writePlan(out *strings.Builder, plan *mappings.Plan) {
	dest := plan.Destination()
	fmt.Fprintf(out, "plan %s (%s): %s to %s\n", plan.ID(), plan.Name(), plan.Table(), dest.Name)
	var key []string
	for _, column := range plan.Selection().Key {
		key = append(key, column.Name)
	}
	fmt.Fprintf(out, "  key %s\n", strings.Join(key, ", "))
	for i, field := range dest.Fields {
		name, is := field.Name, field.Native
		column, isColumn := plan.Origin(i)
		if isColumn && column.Name != name {
			name = column.Name + " as " + name
		}
		if field.As != "" {
			is += " as " + field.As
		}
		if isColumn && field.Scale != 0 && field.Scale != column.Type.Scale {
			is += fmt.Sprintf(", scale %d", field.Scale)
		}
		fmt.Fprintf(out, "  field %s, %s\n", name, is)
	}
	if dest.Options != nil {
		encoded, err := json.Marshal(dest.Options)
		if err != nil {
			encoded = []byte(err.Error())
		}
		fmt.Fprintf(out, "  options %s\n", encoded)
	}
}

// Versions of the row and of its end.
const (
	versionThere = 1_767_225_600_000_000 // the first second of 2026
	versionGone  = versionThere + 1_000_000
)

// writeRows maps each row, as found and as gone.
func writeRows(out *strings.Builder, plan *mappings.Plan, t table) error {
	for _, values := range t.rows {
		key, err := keyOf(t.columns, values)
		if err != nil {
			return err
		}
		row := source.Row{Key: key, Found: true}
		for _, wanted := range plan.Selection().Columns {
			at := slices.IndexFunc(t.columns.Columns, func(c source.Column) bool { return c.Name == wanted.Name })
			row.Values = append(row.Values, values[at])
		}
		ops, err := plan.Ops(nil, row, versionThere)
		if err != nil {
			fmt.Fprintf(out, "  error %v\n", err)
		}
		before := ops
		if ops, err = plan.Ops(ops, source.Row{Key: key}, versionGone); err != nil {
			fmt.Fprintf(out, "  error when it is gone: %v\n", err)
			ops = before
		}
		for _, op := range ops {
			if err := writeOp(out, op, plan.Spread()); err != nil {
				return err
			}
			if back, err := plan.KeyOf(op.ID); err != nil || back != key {
				return fmt.Errorf("the id %q does not lead back to its key %s: %w", op.ID, key.Text(), err)
			}
		}
	}
	return nil
}

func keyOf(columns source.Columns, values []source.Value) (source.Key, error) {
	var parts []source.Value
	for _, at := range columns.Key {
		parts = append(parts, values[at])
	}
	key, err := source.NewKey(parts...)
	if err != nil {
		return "", fmt.Errorf("key of a row of %s: %w", columns.Table, err)
	}
	return key, nil
}

// writeOp shows what is written, with the fields in order, and, where rows are spread, its destination.
func writeOp(out *strings.Builder, op targets.Op, spread bool) error {
	fmt.Fprintf(out, "  %s %s", op.Verb, op.ID)
	switch op.Verb {
	case targets.MarkDeleted:
		fmt.Fprintf(out, " {%q: %q}", op.Dest.Mark, op.Doc[0])
	case targets.Upsert:
		document, err := documentOf(op)
		if err != nil {
			return err
		}
		out.WriteString(" " + document)
	}
	if op.Routing != "" {
		fmt.Fprintf(out, ", routed by %s", op.Routing)
	}
	if spread {
		fmt.Fprintf(out, " to %s", op.Dest.Name)
	}
	out.WriteByte('\n')
	return nil
}

// documentOf shows a document: JSON as it is, bytes in base64, numbers that JSON does not have as texts.
func documentOf(op targets.Op) (string, error) {
	parts := make([]string, len(op.Doc))
	for i, value := range op.Doc {
		field := op.Dest.Fields[i]
		if number, ok := value.(float64); ok && (math.IsNaN(number) || math.IsInf(number, 0)) {
			value = strconv.FormatFloat(number, 'g', -1, 64)
		}
		if text, ok := value.(string); ok {
			switch field.Kind {
			case targets.KindJSON, targets.KindGeometry, targets.KindVector:
				value = json.RawMessage(text)
			}
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return "", fmt.Errorf("field %s: %w", field.Name, err)
		}
		parts[i] = fmt.Sprintf("%q: %s", field.Name, encoded)
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}
