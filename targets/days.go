package targets

import (
	"strings"
	"time"
)

// IsDay reports whether a text begins with a day that exists, of the years 1 to 9999. MySQL's zero and partial dates
// do not, nor do those that its ALLOW_INVALID_DATES lets in, nor PostgreSQL's infinity.
func IsDay(text string) bool {
	if len(text) < len("2006-01-02") || text[4] != '-' || text[7] != '-' || strings.HasSuffix(text, " BC") {
		return false
	}
	month, day := twoDigits(text[5:7]), twoDigits(text[8:10])
	switch {
	case text[:4] == "0000" || month < 1 || month > 12 || day < 1:
		return false
	case day <= 28:
		return true
	}
	_, err := time.Parse(time.DateOnly, text[:10])
	return err == nil
}

func twoDigits(text string) int { return int(text[0]-'0')*10 + int(text[1]-'0') }
