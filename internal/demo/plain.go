package demo

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Plain returns a value in one spelling for all servers, so that a row and what was made of it can be compared: 2 and
// 2.00 are one number, a T or a space may stand between date and time, bytes may come in hexadecimal or base64. Two
// values of a kind are the same if their plain spellings are. NULL and what is not there are "".
func (k Kind) Plain(value any) (string, error) {
	if value == nil {
		return "", nil
	}
	var plain string
	var err error
	switch k {
	case Number, Bits:
		plain, err = plainNumber(value)
	case Bool:
		plain, err = plainBool(value)
	case Moment:
		plain, err = plainMoment(value)
	case Duration:
		plain, err = plainDuration(value)
	case Set:
		plain, err = plainSet(value)
	case JSON:
		plain, err = plainJSON(value)
	case Bytes, UUID:
		plain, err = plainBytes(value)
	case Point:
		plain, err = plainPoint(value)
	default:
		text, ok := value.(string)
		if !ok {
			err = fmt.Errorf("a %T is no text", value)
		}
		return "'" + text + "'", err // the empty text is not NULL
	}
	if err != nil {
		return "", fmt.Errorf("read %v: %w", value, err)
	}
	return plain, nil
}

// plainNumber takes texts, json.Number and Go's own numbers.
func plainNumber(value any) (string, error) {
	n, ok := new(big.Rat).SetString(fmt.Sprint(value))
	if !ok {
		return "", fmt.Errorf("a %T that is no number", value)
	}
	return n.RatString(), nil
}

func plainBool(value any) (string, error) {
	b, err := strconv.ParseBool(fmt.Sprint(value))
	return strconv.FormatBool(b), err
}

var moment = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?)?(?:Z|\+00)?$`)

// plainMoment leaves out the zone, which is UTC or none. A date is the moment at which it begins.
func plainMoment(value any) (string, error) {
	parts := moment.FindStringSubmatch(fmt.Sprint(value))
	if parts == nil {
		return "", fmt.Errorf("a %T that is no moment", value)
	}
	if parts[2] == "" {
		parts[2] = "00:00:00"
	}
	return strings.TrimRight(parts[1]+" "+parts[2]+"."+strings.TrimRight(parts[3], "0"), "."), nil
}

// Milliseconds cuts the plain spelling of a moment to what servers keep that know no microseconds.
func Milliseconds(plain string) string {
	whole, fraction, _ := strings.Cut(plain, ".")
	return strings.TrimRight(whole+"."+strings.TrimRight(fraction[:min(3, len(fraction))], "0"), ".")
}

var durations = []*regexp.Regexp{
	regexp.MustCompile(`^(-?)(?:(\d+) days? )?(\d+):(\d\d):(\d\d)(?:\.0+)?$`),
	regexp.MustCompile(`^()P(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?\d+)S)?)?$`),
}

// plainDuration counts seconds. A sign stands before all of it, or before each of the parts.
func plainDuration(value any) (string, error) {
	for _, spelling := range durations {
		parts := spelling.FindStringSubmatch(fmt.Sprint(value))
		if parts == nil {
			continue
		}
		seconds := 0
		for i, unit := range []int{24 * 3600, 3600, 60, 1} {
			if part := parts[i+2]; part != "" {
				n, err := strconv.Atoi(parts[1] + part)
				if err != nil {
					return "", err
				}
				seconds += n * unit
			}
		}
		return strconv.Itoa(seconds), nil
	}
	return "", fmt.Errorf("a %T that is no duration", value)
}

// plainSet sorts the words. They come as a list, joined by commas, or as PostgreSQL prints an array.
func plainSet(value any) (string, error) {
	var words []string
	switch v := value.(type) {
	case []any:
		for _, word := range v {
			words = append(words, fmt.Sprint(word))
		}
	case string:
		if strings.HasPrefix(v, "[") { // an array in JSON
			if err := json.Unmarshal([]byte(v), &words); err != nil {
				return "", err
			}
			break
		}
		for word := range strings.SplitSeq(strings.Trim(v, "{}"), ",") {
			if word != "" {
				words = append(words, strings.Trim(word, `"`))
			}
		}
	default:
		return "", fmt.Errorf("a %T is no set", value)
	}
	slices.Sort(words)
	return "{" + strings.Join(words, ",") + "}", nil
}

// plainJSON takes texts, and what a text was read into already.
func plainJSON(value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		content, err := json.Marshal(value)
		if err != nil {
			return "", err
		}
		text = string(content)
	}
	var content any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&content); err != nil {
		return "", err
	}
	sorted, err := json.Marshal(content) // members by name
	return string(sorted), err
}

func plainBytes(value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		content, ok := value.([]byte)
		if !ok {
			return "", fmt.Errorf("a %T is no bytes", value)
		}
		return "x" + hex.EncodeToString(content), nil
	}
	digits, isHex := strings.CutPrefix(text, `\x`)
	if len(text) == 36 && strings.Count(text, "-") == 4 { // base64 has no such sign
		digits, isHex = strings.ReplaceAll(text, "-", ""), true
	}
	if isHex {
		_, err := hex.DecodeString(digits)
		return "x" + strings.ToLower(digits), err
	}
	content, err := base64.StdEncoding.DecodeString(text)
	return "x" + hex.EncodeToString(content), err
}

var coordinate = regexp.MustCompile(`-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?`)

// plainPoint takes GeoJSON, (1,2) and POINT(1 2).
func plainPoint(value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		var content bytes.Buffer
		if err := json.NewEncoder(&content).Encode(value); err != nil {
			return "", err
		}
		text = content.String()
	}
	found := coordinate.FindAllString(text, -1)
	if len(found) != 2 {
		return "", fmt.Errorf("a %T that is no point", value)
	}
	for i := range found {
		var err error
		if found[i], err = plainNumber(found[i]); err != nil {
			return "", err
		}
	}
	return found[0] + " " + found[1], nil
}
