package elastic

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// maxDepth is how deep objects and arrays of a JSON value may be nested to be stored as they are.
// Elasticsearch takes 1000 for the whole document.
const maxDepth = 900

// maxNumber is the longest number that Elasticsearch reads, in bytes.
const maxNumber = 1000

// appendJSON appends a JSON text as it is, in one line. What Elasticsearch would reject, a text
// that is no JSON, an object that has a name twice, nesting that is too deep, or a number that is too
// long, becomes a JSON string that holds the text.
func appendJSON(dst []byte, text string) []byte {
	start := len(dst)
	dst = append(dst, text...)
	if !json.Valid(dst[start:]) {
		return appendString(dst[:start], text)
	}
	dst = oneLine(dst, start)
	if !plainJSON(dst[start:]) {
		return appendString(dst[:start], text)
	}
	return dst
}

// oneLine takes the line ends out of the valid JSON that begins at start: they stand between its parts only, and a request is made
// of lines.
func oneLine(dst []byte, start int) []byte {
	if bytes.ContainsAny(dst[start:], "\r\n") {
		kept := slices.DeleteFunc(dst[start:], func(c byte) bool { return c == '\r' || c == '\n' })
		dst = dst[:start+len(kept)]
	}
	return dst
}

// plainJSON says whether valid JSON is nested no deeper than maxDepth, has no name twice in one
// object and no number longer than maxNumber.
func plainJSON(text []byte) bool {
	// A stack with an entry per open object or array: the names seen, nil for an array.
	var names []map[string]bool
	wantName := false
	number := 0 // bytes that may be one number
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '-', '+', '.', 'e', 'E':
			if number++; number > maxNumber {
				return false
			}
			continue
		case '{', '[':
			if len(names) == maxDepth {
				return false
			}
			wantName = text[i] == '{'
			if wantName {
				names = append(names, map[string]bool{})
			} else {
				names = append(names, nil)
			}
		case '}', ']':
			names = names[:len(names)-1]
			wantName = false
		case ',':
			wantName = len(names) > 0 && names[len(names)-1] != nil
		case '"':
			end := stringEnd(text, i)
			if wantName {
				name := nameOf(text[i:end])
				seen := names[len(names)-1]
				if seen[name] {
					return false
				}
				seen[name] = true
				wantName = false
			}
			i = end - 1
		}
		number = 0
	}
	return true
}

// stringEnd returns the index after the closing quote of the string that begins at i.
func stringEnd(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// nameOf returns a name without quotes and escapes.
func nameOf(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var name string
	if json.Unmarshal(quoted, &name) != nil {
		return strconv.Quote(string(quoted))
	}
	return name
}
