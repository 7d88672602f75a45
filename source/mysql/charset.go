package mysql

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// charsets transcodes the bytes of text columns as they stand in the log to UTF-8, exactly as the
// server does for a SELECT. For the Unicode charsets that is a matter of encoding only; for the
// single-byte ones the server itself is asked for its tables, since they differ from the
// standards (latin1 is cp1252 with five more characters).
type charsets struct {
	byCollation map[uint64]string     // a collation's number in the log → its charset
	single      map[string]*[256]rune // of single-byte charsets; utf8.RuneError where nothing is
}

func loadCharsets(ctx context.Context, db *sql.DB, info server) (*charsets, error) {
	sets := &charsets{byCollation: map[uint64]string{}, single: map[string]*[256]rune{}}
	view := "COLLATIONS"
	if info.flavor == flavorMariaDB && info.atLeast(10, 10) {
		view = "COLLATION_CHARACTER_SET_APPLICABILITY" // the other has no numbers of the uca1400 collations
	}
	rows, err := db.QueryContext(ctx, "SELECT ID, CHARACTER_SET_NAME FROM information_schema."+view)
	if err != nil {
		return nil, fmt.Errorf("list collations: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id uint64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, fmt.Errorf("list collations: %w", err)
		}
		sets.byCollation[id] = name
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list collations: %w", err)
	}
	return sets, sets.loadSingle(ctx, db)
}

// loadSingle asks for the tables of all single-byte charsets in one statement.
func (c *charsets) loadSingle(ctx context.Context, db *sql.DB) error {
	var names []string
	rows, err := db.QueryContext(ctx, "SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS WHERE MAXLEN = 1 AND CHARACTER_SET_NAME NOT IN ('binary', 'ascii')")
	if err != nil {
		return fmt.Errorf("list charsets: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return fmt.Errorf("list charsets: %w", err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil || len(names) == 0 {
		return err
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	list := make([]string, len(names))
	texts, into := make([][]byte, len(names)), make([]any, len(names))
	for i, name := range names {
		list[i] = fmt.Sprintf("HEX(CONVERT(_%s X'%x' USING utf32))", name, all)
		into[i] = &texts[i]
	}
	if err := db.QueryRowContext(ctx, "SELECT "+strings.Join(list, ", ")).Scan(into...); err != nil {
		return fmt.Errorf("ask for charset tables: %w", err)
	}
	for i, name := range names {
		raw, err := hex.DecodeString(string(texts[i]))
		if err != nil || len(raw) != 4*256 {
			continue // a table that is not one to one is not used: the charset stays refused
		}
		c.single[name] = tableOf(raw)
	}
	return nil
}

// tableOf reads 256 code points. The server gives '?' for bytes without a meaning.
func tableOf(utf32 []byte) *[256]rune {
	var table [256]rune
	for b := range table {
		table[b] = rune(binary.BigEndian.Uint32(utf32[4*b:]))
		if table[b] == '?' && b != '?' {
			table[b] = utf8.RuneError
		}
	}
	return &table
}

// knows reports whether text of the charset can be transcoded.
func (c *charsets) knows(name string) bool {
	switch name {
	case "utf8mb4", "utf8mb3", "utf8", "ascii", "ucs2", "utf16", "utf16le", "utf32":
		return true
	}
	return c.single[name] != nil
}

// decode transcodes text to UTF-8. Bytes that mean nothing in the charset are an error: the server
// would show a replacement, and then two different keys could look the same.
func (c *charsets) decode(charset, raw string) (string, error) {
	var out string
	ok := false
	switch charset {
	case "utf8mb4", "utf8mb3", "utf8":
		out, ok = raw, utf8.ValidString(raw)
	case "ascii":
		out, ok = raw, isASCII(raw)
	case "ucs2", "utf16":
		out, ok = fromUTF16(raw, binary.BigEndian, charset == "utf16")
	case "utf16le":
		out, ok = fromUTF16(raw, binary.LittleEndian, true)
	case "utf32":
		out, ok = fromUTF32(raw)
	default:
		table := c.single[charset]
		if table == nil {
			return "", fmt.Errorf("charset %s cannot be transcoded", charset)
		}
		out, ok = fromTable(raw, table)
	}
	if !ok {
		return "", fmt.Errorf("%d bytes that are not valid %s", len(raw), charset)
	}
	return out, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func fromTable(raw string, table *[256]rune) (string, bool) {
	var out strings.Builder
	out.Grow(len(raw) + 8)
	for i := range len(raw) {
		r := table[raw[i]]
		if r == utf8.RuneError {
			return "", false
		}
		out.WriteRune(r)
	}
	return out.String(), true
}

func fromUTF16(raw string, order binary.ByteOrder, pairs bool) (string, bool) {
	if len(raw)%2 != 0 {
		return "", false
	}
	var out strings.Builder
	bytes := []byte(raw)
	for i := 0; i < len(bytes); i += 2 {
		r := rune(order.Uint16(bytes[i:]))
		if utf16.IsSurrogate(r) {
			if !pairs || i+4 > len(bytes) {
				return "", false
			}
			i += 2
			if r = utf16.DecodeRune(r, rune(order.Uint16(bytes[i:]))); r == utf8.RuneError {
				return "", false
			}
		}
		out.WriteRune(r)
	}
	return out.String(), true
}

func fromUTF32(raw string) (string, bool) {
	if len(raw)%4 != 0 {
		return "", false
	}
	var out strings.Builder
	bytes := []byte(raw)
	for i := 0; i < len(bytes); i += 4 {
		n := binary.BigEndian.Uint32(bytes[i:])
		if n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
			return "", false
		}
		out.WriteRune(rune(n))
	}
	return out.String(), true
}
