package postgres

import (
	"encoding/hex"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

var (
	wholeKinds  = []targets.Kind{targets.KindInt, targets.KindUint, targets.KindDecimal}
	numberKinds = append(slices.Clone(wholeKinds), targets.KindFloat)
	timeKinds   = []targets.Kind{targets.KindDate, targets.KindDateTime, targets.KindTimestamp}
	textKinds   = slices.Concat([]targets.Kind{targets.KindText}, numberKinds, []targets.Kind{targets.KindBool}, timeKinds, []targets.Kind{
		targets.KindTime, targets.KindEnum, targets.KindSet, targets.KindJSON, targets.KindUUID, targets.KindInet, targets.KindGeometry, targets.KindVector})
	jsonKinds = []targets.Kind{targets.KindJSON, targets.KindGeometry, targets.KindVector}
)

// askedTypes are all that a mapping may ask for, by their names without modifiers.
var askedTypes = targets.AskedTypes{
	{Name: "smallint", Kinds: wholeKinds, Use: "an integer of 16 bits", Fits: targets.FitsInteger(16)},
	{Name: "integer", Kinds: wholeKinds, Use: "an integer of 32 bits", Fits: targets.FitsInteger(32)},
	{Name: "bigint", Kinds: wholeKinds, Use: "an integer of 64 bits", Loses: "a row with more than 9223372036854775807 becomes a dead letter", Spares: targets.SparesSmall, Fits: targets.FitsInteger(64)},
	{Name: "numeric", Kinds: numberKinds, Use: "a number with all its digits, or those of numeric(p,s)"},
	{Name: "real", Kinds: numberKinds, Use: "a number of 32 bits", Loses: "about 7 digits are kept; a row with a larger number becomes a dead letter"},
	{Name: "double precision", Kinds: numberKinds, Use: "a number of 64 bits", Loses: "about 15 digits are kept"},
	{Name: "boolean", Kinds: []targets.Kind{targets.KindBool, targets.KindInt, targets.KindUint}, Use: "true and false, as of TINYINT(1)", Loses: "all numbers but 0 are true", Spares: targets.SparesBool},
	{Name: "text", Kinds: textKinds, Use: "the text that the source has; zero and infinite dates stay"},
	{Name: "varchar", Kinds: textKinds, Use: "as text, and varchar(n) of up to n characters", Loses: "a row with a longer text becomes a dead letter"},
	{Name: "jsonb", Kinds: jsonKinds, Use: "JSON that can be searched", Loses: "spaces, the order of members, and all but the last of several members of one name"},
	{Name: "json", Kinds: jsonKinds, Use: "JSON as the source has it"},
	{Name: "uuid", Kinds: []targets.Kind{targets.KindUUID, targets.KindBinary, targets.KindText}, Use: "a UUID, as of BINARY(16)",
		Loses: "a row with other than 16 bytes, or a text that is no UUID, becomes a dead letter"},
	{Name: "bytea", Kinds: []targets.Kind{targets.KindBinary}, Use: "as without it"},
	{Name: "date", Kinds: timeKinds, Use: "a day", Loses: "the time of day; zero, partial and impossible dates are null"},
	{Name: "timestamp", Kinds: timeKinds, Use: "a time without a zone, or timestamp(n) with n fractional digits",
		Loses: "a time with a zone becomes that of UTC; digits beyond n are rounded; zero, partial and impossible dates are null"},
	{Name: "timestamptz", Kinds: timeKinds, Use: "a moment, or timestamptz(n) with n fractional digits",
		Loses: "a time without a zone is taken for UTC; digits beyond n are rounded; zero, partial and impossible dates are null"},
	{Name: "time", Kinds: []targets.Kind{targets.KindTime}, Use: "a time of day, or time(n)", Loses: "a row with a negative time, or more than 24 hours, becomes a dead letter; digits beyond n are rounded"},
	{Name: "interval", Kinds: []targets.Kind{targets.KindTime, targets.KindText}, Use: "a duration", Loses: "a row whose text is none becomes a dead letter"},
	{Name: "inet", Kinds: []targets.Kind{targets.KindInet, targets.KindText}, Use: "an address", Loses: "a row whose text is none becomes a dead letter"},
	{Name: "cidr", Kinds: []targets.Kind{targets.KindInet, targets.KindText}, Use: "a network", Loses: "a row whose text is none becomes a dead letter"},
	{Name: "double precision[]", Kinds: []targets.Kind{targets.KindVector}, Use: "as without it"},
	{Name: "real[]", Kinds: []targets.Kind{targets.KindVector}, Use: "an array of numbers of 32 bits", Loses: "about 7 digits are kept"},
}

// Types are the column types that a mapping may ask for, without modifiers.
func Types() []targets.FieldType { return askedTypes.Types() }

// sqlNames are what the server prints for types that are asked for under shorter names.
var sqlNames = map[string]typeName{
	"varchar": "character varying", "timestamp": "timestamp without time zone", "timestamptz": "timestamp with time zone", "time": "time without time zone",
}

// modified is a type's name with modifiers: numeric(12,2).
var modified = regexp.MustCompile(`^([a-z ]+?) *\( *(\d{1,4}) *(?:, *(\d{1,4}) *)?\)$`)

// asked is a type that a field asks for, taken apart.
type asked struct {
	base      string // as askedTypes has it
	modifiers []int
}

// parseAsked takes a type's text apart. What is no type of ours has itself as its base.
func parseAsked(text string) asked {
	parts := modified.FindStringSubmatch(text)
	if parts == nil {
		return asked{base: text}
	}
	a := asked{base: parts[1]}
	for _, digits := range parts[2:] {
		if n, err := strconv.Atoi(digits); err == nil {
			a.modifiers = append(a.modifiers, n)
		}
	}
	return a
}

// column is the type as the server prints it.
func (a asked) column() columnType {
	c := columnType{name: a.base}
	if name, ok := sqlNames[a.base]; ok {
		c.name = name
	}
	if len(a.modifiers) == 1 && a.base == "numeric" {
		a.modifiers = append(a.modifiers, 0)
	}
	var texts []string
	for _, n := range a.modifiers {
		texts = append(texts, strconv.Itoa(n))
	}
	if len(texts) > 0 {
		c.modifiers = "(" + strings.Join(texts, ",") + ")"
	}
	return c
}

// askedType is the type that a field asks for; nil: none, or one that checkAsked refuses.
func askedType(field targets.Field) *targets.AskedType {
	if field.As == "" {
		return nil
	}
	field.As = parseAsked(field.As).base
	return askedTypes.Of(field)
}

// checkAsked says why a field cannot have the type that it asks for.
func checkAsked(field targets.Field) error {
	if field.As == "" {
		return nil
	}
	a, plain := parseAsked(field.As), field
	plain.As = a.base
	if err := askedTypes.Check(plain); err != nil {
		return err
	}
	if field.Key {
		return checkAskedKey(field)
	}
	if why := a.unfit(field); why != "" {
		return fmt.Errorf("field %s: %s cannot become %s: %s", field.Name, field.Native, field.As, why)
	}
	return nil
}

// unfit says why a type with these modifiers is none, or would round or refuse what its mapping has not said may go.
func (a asked) unfit(field targets.Field) string {
	most := map[string]int{"numeric": 2, "varchar": 1, "timestamp": 1, "timestamptz": 1, "time": 1}[a.base]
	switch {
	case len(a.modifiers) > most:
		return fmt.Sprintf("%s has %d numbers in brackets, at most %d are possible", field.As, len(a.modifiers), most)
	case len(a.modifiers) == 0:
		return ""
	case a.base == "numeric":
		return unfitNumeric(field, a.modifiers[0], slices.Concat(a.modifiers, []int{0})[1])
	case a.base == "varchar" && a.modifiers[0] < 1:
		return "a text of no characters"
	case a.base != "varchar" && a.modifiers[0] > microseconds:
		return fmt.Sprintf("PostgreSQL's times have %d fractional digits at most", microseconds)
	}
	return ""
}

func unfitNumeric(field targets.Field, precision, scale int) string {
	whole := field.Precision - field.Scale // digits before the point
	if field.Kind != targets.KindDecimal {
		whole = len(strconv.FormatUint(math.MaxUint64>>(64-field.Bits), 10))
	}
	switch {
	case precision < 1 || precision > 1000 || scale > precision:
		return "a numeric has 1 to 1000 digits, of which no more than that are behind the point"
	case field.Kind == targets.KindFloat, field.Kind == targets.KindDecimal && field.Precision == 0:
		return "it would round; numeric without digits keeps all"
	case field.Kind == targets.KindDecimal && scale < field.Scale:
		return fmt.Sprintf("it would round %d fractional digits to %d", field.Scale, scale)
	case precision-scale < whole:
		return fmt.Sprintf("it has %d digits before the point, and the type %d", whole, precision-scale)
	}
	return ""
}

// existing is what the server says of a column of the type.
func (a asked) existing() existing {
	c := a.column()
	have := existing{typ: c.name, full: c.String(), scale: anyScale, sameAsByte: true}
	if len(a.modifiers) == 0 {
		return have
	}
	switch a.base {
	case "varchar":
		have.length = a.modifiers[0]
	case "numeric":
		have.scale = slices.Concat(a.modifiers, []int{0})[1]
	default:
		have.scale = a.modifiers[0]
	}
	return have
}

// checkAskedKey says why a key's column cannot have the type that its field asks for: keys have to be told apart and printed as the
// source does.
func checkAskedKey(field targets.Field) error {
	plain := field
	plain.As = ""
	if why := misfit(column{field: plain, key: true, want: typeOf(plain, true)}, parseAsked(field.As).existing()); why != "" {
		return fmt.Errorf("field %s: a key column cannot become %s: %s", field.Name, field.As, why)
	}
	return nil
}

// askedText is the text that the server reads a value of an asked type from; false: null.
func askedText(field targets.Field, base string, value any) (string, bool) {
	switch v := value.(type) {
	case int64:
		return wholeText(base, strconv.FormatInt(v, 10)), true
	case uint64:
		return wholeText(base, strconv.FormatUint(v, 10)), true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return floatText(v, field.Bits), true
	case []byte:
		if base == "uuid" {
			return hex.EncodeToString(v), true
		}
		return `\x` + hex.EncodeToString(v), true
	}
	text, _ := value.(string)
	switch {
	case slices.Contains(timeKinds, field.Kind) && base != "text" && base != "varchar":
		return readableTime(text)
	case strings.HasSuffix(base, "[]"):
		return vectorBrackets.Replace(text), true
	case base == "jsonb", base == "json":
		return withoutEscapedNUL(text), true
	}
	return strings.ReplaceAll(text, "\x00", replacement), true
}

func floatText(f float64, bits int) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case bits != 32:
		bits = 64
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}

func wholeText(base, digits string) string {
	if base == "boolean" {
		return strconv.FormatBool(digits != "0")
	}
	return digits
}
