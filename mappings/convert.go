package mappings

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones have to be there wherever the program runs

	"github.com/meepo-replicate/meepo/targets"
)

// conversion changes a value on its way into a document. NULL does not come to it.
type conversion func(value any) (any, error)

// changed makes a conversion of texts.
func changed(f func(text string) (any, error)) conversion {
	return func(value any) (any, error) {
		text, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("a %T where a text is wanted", value)
		}
		return f(text)
	}
}

func isMoment(kind targets.Kind) bool {
	return kind == targets.KindDate || kind == targets.KindDateTime || kind == targets.KindTimestamp
}

// zeroDate returns what becomes of dates that are none.
func zeroDate(instead string, kind targets.Kind) conversion {
	put := any(nil)
	if instead != "null" && instead != "error" {
		put = instead
		switch kind {
		case targets.KindDateTime:
			put = instead + "T00:00:00"
		case targets.KindTimestamp:
			put = instead + "T00:00:00Z"
		}
	}
	return changed(func(text string) (any, error) {
		switch {
		case isCalendarDay(text):
			return text, nil
		case instead == "error":
			return nil, errors.New("the value is no date of the calendar, and zero_date says error")
		}
		return put, nil
	})
}

// isZeroDate says whether a text can stand behind zero_date.
func isZeroDate(text string) bool {
	return text == "null" || text == "error" || len(text) == len(time.DateOnly) && targets.IsDay(text)
}

// isCalendarDay is targets.IsDay for the years that PostgreSQL has besides: beyond 9999, and before Christ.
func isCalendarDay(text string) bool {
	text = strings.TrimSuffix(text, " BC")
	year, rest, ok := strings.Cut(text, "-")
	if !ok || len(year) < 4 || strings.Trim(year, "0123456789") != "" || strings.Trim(year, "0") == "" {
		return false
	}
	// Every fourth year of the last four digits is a leap year as of the whole, but for centuries, which go by 400.
	return targets.IsDay(year[len(year)-4:]+"-"+rest) || targets.IsDay("2"+year[len(year)-3:]+"-"+rest)
}

// inZone makes an instant of a wall clock. What is no date, and what is beyond the years 1 to 9999 by either clock, stays
// what it shows.
func inZone(zone *time.Location) conversion {
	const layout = "2006-01-02T15:04:05.999999999"
	return changed(func(text string) (any, error) {
		unmoved := text + "Z"
		if before, ok := strings.CutSuffix(text, " BC"); ok {
			unmoved = before + "Z BC"
		}
		if strings.HasSuffix(text, "infinity") {
			return text, nil
		}
		if !targets.IsDay(text) || len(text) > 10 && text[10] != 'T' {
			return unmoved, nil
		}
		wall, err := time.ParseInLocation(layout, text, time.UTC)
		if err != nil {
			return nil, errors.New("the value is no date and time")
		}
		instant := instantOf(wall, zone)
		if year := instant.UTC().Year(); year < 1 || year > 9999 {
			return unmoved, nil
		}
		out := instant.Format("2006-01-02T15:04:05")
		if _, fraction, ok := strings.Cut(text, "."); ok { // zones differ by seconds at the least
			out += "." + fraction
		}
		return out + "Z", nil
	})
}

// instantOf returns when a clock in a zone shows what wall does. Of two instants it is the earlier; a time that the
// clock leaves out is counted by the offset of before.
func instantOf(wall time.Time, zone *time.Location) time.Time {
	// Offsets are less than a day, and change less often than daily.
	_, before := wall.Add(-24 * time.Hour).In(zone).Zone()
	early := wall.Add(-time.Duration(before) * time.Second)
	_, there := early.In(zone).Zone()
	if there == before {
		return early
	}
	late := wall.Add(-time.Duration(there) * time.Second)
	if _, check := late.In(zone).Zone(); check == there {
		return late
	}
	return early
}

// becomes is the kind that a conversion makes, and how.
type becomes struct {
	kind targets.Kind
	do   conversion
}

// conversions change a kind into another for a type, whatever the target. What is not here is the driver's.
var conversions = map[string]map[targets.Kind]becomes{
	"boolean": {
		targets.KindInt:  {targets.KindBool, func(v any) (any, error) { return v != int64(0), nil }},
		targets.KindUint: {targets.KindBool, func(v any) (any, error) { return v != uint64(0), nil }},
	},
	"hex": {targets.KindBinary: {targets.KindText, func(v any) (any, error) { return plainText(v) }}},
	"base64": {targets.KindBinary: {targets.KindText, func(v any) (any, error) {
		raw, ok := v.([]byte)
		if !ok {
			return nil, fmt.Errorf("a %T where bytes are wanted", v)
		}
		return base64.StdEncoding.EncodeToString(raw), nil
	}}},
	"uuid": {
		targets.KindBinary: {targets.KindUUID, uuidOfBytes},
		targets.KindText:   {targets.KindUUID, changed(uuidOfText)},
	},
	"json": {targets.KindText: {targets.KindJSON, changed(jsonOfText)}},
	"text": toText,
}

// toText makes texts of values of kinds that are none.
var toText = func() map[targets.Kind]becomes {
	all := map[targets.Kind]becomes{}
	for _, kind := range []targets.Kind{
		targets.KindInt, targets.KindUint, targets.KindFloat, targets.KindDecimal, targets.KindBool, targets.KindDate,
		targets.KindDateTime, targets.KindTimestamp, targets.KindTime, targets.KindEnum, targets.KindSet, targets.KindJSON,
		targets.KindUUID, targets.KindInet, targets.KindGeometry, targets.KindVector,
	} {
		all[kind] = becomes{targets.KindText, func(v any) (any, error) { return plainText(v) }}
	}
	return all
}()

func uuidOfBytes(v any) (any, error) {
	raw, ok := v.([]byte)
	if !ok || len(raw) != 16 {
		return nil, errors.New("a uuid has 16 bytes")
	}
	return dashed(hex.EncodeToString(raw)), nil
}

func uuidOfText(text string) (any, error) {
	digits := strings.ToLower(strings.Trim(text, "{}"))
	if len(digits) == 36 && digits == dashed(strings.ReplaceAll(digits, "-", "")) {
		digits = strings.ReplaceAll(digits, "-", "")
	}
	if len(digits) != 32 || strings.Trim(digits, "0123456789abcdef") != "" {
		return nil, errors.New("the text is no uuid")
	}
	return dashed(digits), nil
}

func dashed(digits string) string {
	if len(digits) != 32 {
		return digits
	}
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
}

func jsonOfText(text string) (any, error) {
	if !json.Valid([]byte(text)) {
		return nil, errors.New("the text is no JSON")
	}
	return text, nil
}
