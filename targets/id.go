package targets

import "strings"

// JoinID joins the texts of several key columns to one id so that different keys never give the
// same id: parts are separated by "|", and "|" and "\" within a part are preceded by "\".
// A single part is its own id, unchanged.
func JoinID(parts ...string) ID {
	if len(parts) == 1 {
		return ID(parts[0])
	}
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = idEscaper.Replace(part)
	}
	return ID(strings.Join(escaped, "|"))
}

var idEscaper = strings.NewReplacer(`\`, `\\`, `|`, `\|`)

// SplitID takes an id of n parts apart. It returns false for what JoinID with n parts cannot have
// made.
func SplitID(id ID, n int) ([]string, bool) {
	if n == 1 {
		return []string{string(id)}, true
	}
	parts := make([]string, 0, n)
	var part strings.Builder
	for i := 0; i < len(id); i++ {
		switch c := id[i]; c {
		case '\\':
			i++
			if i == len(id) || (id[i] != '\\' && id[i] != '|') {
				return nil, false
			}
			part.WriteByte(id[i])
		case '|':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(c)
		}
	}
	parts = append(parts, part.String())
	return parts, len(parts) == n
}
