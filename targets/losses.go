package targets

import (
	"math"
	"strings"
	"unicode/utf8"
)

// Loss is something that a destination does not keep of a field's values, or keeps in another form.
type Loss struct {
	Field   Field
	Type    string // what the field becomes: "keyword"
	Message string
	// Some says whether a value, which is not nil, is one that loses something. Nil: all are only of another form, or nobody
	// can tell.
	Some func(value any) bool
	Such string // what Some looks for: "more than 15 digits"
	// Rare: it is worth a word only where values that lose something have been seen.
	Rare bool
	// Change is what a mapping can say of the column so that it is otherwise, in YAML: "type: scaled_float, scale: 100".
	// Empty: nothing.
	Change string
}

// LossTeller is a target that knows what its types do not keep.
type LossTeller interface {
	// Losses lists what a new destination would not keep. It does no I/O.
	Losses(dest *Destination) []Loss
}

// AddLosses appends a note for each loss that is not rare.
func (f *Findings) AddLosses(dest string, losses []Loss) {
	for _, loss := range losses {
		if !loss.Rare {
			*f = append(*f, Finding{Severity: Note, Subject: dest + "." + loss.Field.Name, Message: loss.Message, Loss: true})
		}
	}
}

// The ways in which values lose something that several targets share.

// NoDay is Loss.Some of dates and times that are none of the calendar.
func NoDay(value any) bool {
	text, ok := value.(string)
	return ok && !IsDay(text)
}

// FinerThanMillis is Loss.Some of times with more than milliseconds.
func FinerThanMillis(value any) bool {
	text, _ := value.(string)
	_, fraction, _ := strings.Cut(strings.TrimSuffix(text, "Z"), ".")
	const millis = 3
	return len(fraction) > millis && strings.Trim(fraction[millis:], "0") != ""
}

// MoreDigits is Loss.Some of decimals with more significant digits than n, or that are no number.
func MoreDigits(n int) func(value any) bool {
	return func(value any) bool {
		text, ok := value.(string)
		if !ok {
			return false
		}
		digits := strings.Replace(strings.TrimLeft(text, "+-"), ".", "", 1)
		if strings.Trim(digits, "0123456789") != "" {
			return true // NaN, infinity
		}
		digits = strings.TrimLeft(digits, "0")
		if strings.Contains(text, ".") {
			digits = strings.TrimRight(digits, "0")
		}
		return len(digits) > n
	}
}

// LongerThan is Loss.Some of texts with more characters than n.
func LongerThan(n int) func(value any) bool {
	return func(value any) bool {
		text, _ := value.(string)
		return len(text) > n && utf8.RuneCountInString(text) > n
	}
}

// NoNumber is Loss.Some of floats that are NaN or infinite.
func NoNumber(value any) bool {
	f, ok := value.(float64)
	return ok && (math.IsNaN(f) || math.IsInf(f, 0))
}

// Either is Loss.Some of what one of two loses.
func Either(a, b func(any) bool) func(value any) bool {
	return func(value any) bool { return a(value) || b(value) }
}
