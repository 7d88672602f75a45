package cases

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/meepo-replicate/meepo/source"
)

// value reads a value as its column's source would give it; nil, and something kept for the error, if it cannot be one.
func (in *reader) value(node ast.Node, column source.Column) source.Value {
	if _, null := node.(*ast.NullNode); null {
		if !column.Nullable {
			in.doc.Fail(in.doc.Place(node), "", "%s cannot be NULL", column.Name)
		}
		return nil
	}
	value, wanted := valueOf(node, column.Type)
	if wanted != "" {
		in.doc.Fail(in.doc.Place(node), "", "%s is %s, and a %s wants %s", column.Name, in.doc.Describe(node), column.Type.Native, wanted)
		return nil
	}
	return value
}

// valueOf returns a value of a type, or what the type wants instead.
func valueOf(node ast.Node, typ source.Type) (value source.Value, wanted string) {
	switch typ.Kind {
	case source.KindInt, source.KindUint:
		return wholeOf(node, typ)
	case source.KindFloat:
		n, err := strconv.ParseFloat(numberIn(node), cmp.Or(typ.Bits, 64))
		if err != nil {
			return nil, "a number"
		}
		return n, ""
	case source.KindDecimal:
		return decimalOf(node, typ)
	case source.KindBool:
		b, ok := node.(*ast.BoolNode)
		if !ok {
			return nil, "true or false"
		}
		return b.Value, ""
	case source.KindJSON, source.KindGeometry, source.KindVector:
		return jsonOf(node)
	}
	text, ok := textIn(node)
	if typ.Kind == source.KindBinary && !ok && strings.HasPrefix(numberIn(node), "0x") {
		return bytesOf(numberIn(node)) // a number to YAML
	}
	if !ok {
		return nil, "a text, so put it in quotes if it is one"
	}
	if typ.Kind == source.KindBinary {
		return bytesOf(text)
	}
	return textOf(text, typ)
}

// numberIn is what a number is written as; empty for what is none.
func numberIn(node ast.Node) string {
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return node.GetToken().Value
	}
	return ""
}

func textIn(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

func wholeOf(node ast.Node, typ source.Type) (source.Value, string) {
	bits := cmp.Or(typ.Bits, 64)
	if typ.Kind == source.KindUint {
		n, err := strconv.ParseUint(numberIn(node), 10, bits)
		if err != nil {
			return nil, fmt.Sprintf("a whole number from 0 to %d", uint64(1)<<(bits-1)-1+uint64(1)<<(bits-1))
		}
		return n, ""
	}
	n, err := strconv.ParseInt(numberIn(node), 10, bits)
	if err != nil {
		return nil, fmt.Sprintf("a whole number from %d to %d", -1<<(bits-1), 1<<(bits-1)-1)
	}
	return n, ""
}

var decimals = regexp.MustCompile(`^-?\d+(\.\d+)?$`)

// decimalOf gives a decimal the digits behind the point that the source prints.
func decimalOf(node ast.Node, typ source.Type) (source.Value, string) {
	text := numberIn(node)
	if text == "" {
		text, _ = textIn(node)
	}
	switch text {
	case "NaN", "Infinity", "-Infinity":
		return text, ""
	}
	if !decimals.MatchString(text) {
		return nil, "a decimal such as 12.50"
	}
	whole, fraction, _ := strings.Cut(text, ".")
	switch {
	case typ.Precision == 0:
		return text, ""
	case len(fraction) > max(typ.Scale, 0):
		return nil, fmt.Sprintf("at most %d digits behind the point", typ.Scale)
	case len(strings.TrimLeft(strings.TrimPrefix(whole, "-"), "0")) > typ.Precision-typ.Scale:
		return nil, fmt.Sprintf("at most %d digits before the point", typ.Precision-typ.Scale)
	case typ.Scale > 0:
		return whole + "." + fraction + strings.Repeat("0", typ.Scale-len(fraction)), ""
	}
	return whole, ""
}

func bytesOf(text string) (source.Value, string) {
	for _, prefix := range []string{"0x", `\x`} {
		if digits, ok := strings.CutPrefix(text, prefix); ok {
			raw, err := hex.DecodeString(digits)
			if err != nil {
				return nil, "two hexadecimal digits for each byte behind " + prefix
			}
			return raw, ""
		}
	}
	return []byte(text), ""
}

// shapes are what texts of these kinds look like once they are canonical, and an example for messages.
var shapes = map[source.Kind]struct {
	form    *regexp.Regexp
	example string
}{
	source.KindDate:      {regexp.MustCompile(`^(\d{4,}-\d\d-\d\d( BC)?|-?infinity)$`), "a date such as 2026-02-28"},
	source.KindDateTime:  {regexp.MustCompile(`^(\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?( BC)?|-?infinity)$`), "a date and time such as 2026-02-28 10:30:00"},
	source.KindTimestamp: {regexp.MustCompile(`^(\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z( BC)?|-?infinity)$`), "a date and time in UTC such as 2026-02-28 10:30:00"},
	source.KindTime:      {regexp.MustCompile(`^-?\d{2,3}:\d\d:\d\d(\.\d{1,6})?$`), "a time such as 10:30:00"},
	source.KindUUID:      {regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`), "a uuid"},
}

// textOf gives a text the form that the source's driver gives it.
func textOf(text string, typ source.Type) (source.Value, string) {
	switch typ.Kind {
	case source.KindUUID:
		text = strings.ToLower(text)
	case source.KindDateTime, source.KindTimestamp:
		if len(text) > len("2026-02-28") && text[len("2026-02-28")] == ' ' {
			text = strings.Replace(text, " ", "T", 1)
		}
		if era, isOld := strings.CutSuffix(text, " BC"); typ.Kind == source.KindTimestamp && !isOld && !strings.HasSuffix(era, "infinity") {
			text = strings.TrimSuffix(strings.TrimSuffix(text, "+00"), "Z") + "Z"
		}
	case source.KindEnum, source.KindSet:
		for _, member := range strings.Split(text, ",") {
			if member != "" && len(typ.Members) > 0 && !slices.Contains(typ.Members, member) {
				return nil, "one of its members"
			}
		}
	}
	if shape, ok := shapes[typ.Kind]; ok && !shape.form.MatchString(text) {
		return nil, shape.example
	}
	return text, ""
}

// jsonOf takes a text for JSON, and makes JSON of anything else.
func jsonOf(node ast.Node) (source.Value, string) {
	if text, ok := textIn(node); ok {
		if !json.Valid([]byte(text)) {
			return nil, `JSON: a text in it has quotes of its own, '"text"'`
		}
		return text, ""
	}
	var out strings.Builder
	if !writeJSON(&out, node) {
		return nil, "JSON, without anchors and tags"
	}
	return out.String(), ""
}

// writeJSON keeps the order of names, and numbers as they are written.
func writeJSON(out *strings.Builder, node ast.Node) bool {
	switch n := node.(type) {
	case *ast.NullNode:
		out.WriteString("null")
	case *ast.BoolNode:
		out.WriteString(strconv.FormatBool(n.Value))
	case *ast.IntegerNode, *ast.FloatNode:
		if !json.Valid([]byte(numberIn(n))) {
			return false
		}
		out.WriteString(numberIn(n))
	case *ast.StringNode, *ast.LiteralNode:
		text, _ := textIn(n)
		writeText(out, text)
	case *ast.SequenceNode:
		out.WriteByte('[')
		for i, item := range n.Values {
			if i > 0 {
				out.WriteByte(',')
			}
			if !writeJSON(out, item) {
				return false
			}
		}
		out.WriteByte(']')
	case *ast.MappingNode:
		return writeObject(out, n.Values)
	case *ast.MappingValueNode:
		return writeObject(out, []*ast.MappingValueNode{n})
	default:
		return false
	}
	return true
}

func writeObject(out *strings.Builder, values []*ast.MappingValueNode) bool {
	out.WriteByte('{')
	for i, value := range values {
		if i > 0 {
			out.WriteByte(',')
		}
		writeText(out, value.Key.GetToken().Value)
		out.WriteByte(':')
		if !writeJSON(out, value.Value) {
			return false
		}
	}
	out.WriteByte('}')
	return true
}

func writeText(out *strings.Builder, text string) {
	encoded, _ := json.Marshal(text) //nolint:errchkjson // a string is always JSON
	out.Write(encoded)
}
