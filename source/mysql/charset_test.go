package mysql

import (
	"fmt"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestCharsets_AsTheServerDoes stores every byte in every single-byte charset and compares what a
// SELECT gives with what decode makes of the byte.
func TestCharsets_AsTheServerDoes(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		if len(s.charsets.single) < 15 {
			t.Errorf("only %d single-byte charsets were learnt", len(s.charsets.single))
		}
		for name := range s.charsets.single {
			table := d.Name + ".c_" + name
			d.Exec(t, "CREATE TABLE "+table+" (b INT PRIMARY KEY, v CHAR(1) CHARACTER SET "+name+")")
			for b := range 256 {
				if b == ' ' { // CHAR has no trailing space
					continue
				}
				d.Exec(t, fmt.Sprintf("INSERT INTO %s VALUES (%d, _%s X'%02x')", table, b, name, b))
			}
			for _, row := range d.QueryStrings(t, "SELECT b, v FROM "+table) {
				var b int
				fmt.Sscan(row[0], &b)
				got, err := s.charsets.decode(name, string([]byte{byte(b)}))
				if err != nil {
					// Without a meaning: the server shows a replacement.
					if row[1] != "?" && row[1] != "\uFFFD" {
						t.Errorf("%s: byte %02x: the server has %q: %v", name, b, row[1], err)
					}
				} else if got != row[1] {
					t.Errorf("%s: byte %02x: %q, the server has %q", name, b, got, row[1])
				}
			}
		}
	})
}

func TestCharsets_RefuseWhatIsInvalid(t *testing.T) {
	c := &charsets{}
	for charset, raws := range map[string][]string{
		"utf8mb4": {"\xff", "\xc3"}, "ascii": {"\x80"}, "utf16": {"a", "\xd8\x3d", "\xd8\x3d\x00a"}, "ucs2": {"\xd8\x3d\xde\x00"},
		"utf16le": {"\x3d\xd8"}, "utf32": {"\x00\x11\x00\x00", "abc"}, "sjis": {"a"},
	} {
		for _, raw := range raws {
			if text, err := c.decode(charset, raw); err == nil {
				t.Errorf("%s: %x became %q", charset, raw, text)
			}
		}
	}
}

// TestCharsets_OthersAreRefusedAsKeys by name, and are readable as values.
func TestCharsets_OthersAreRefusedAsKeys(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		for _, row := range d.QueryStrings(t, "SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS") {
			name := row[0]
			if name == "binary" {
				continue
			}
			d.Exec(t, "CREATE TABLE x_"+name+" (k VARCHAR(10) CHARACTER SET "+name+" PRIMARY KEY)")
			c, err := s.Columns(t.Context(), "", tableIn(d, "x_"+name))
			if err != nil {
				t.Fatal(err)
			}
			switch name {
			case "big5", "cp932", "eucjpms", "euckr", "gb18030", "gb2312", "gbk", "sjis", "ujis":
				if c.Refused == "" {
					t.Errorf("%s is taken as a key", name)
				}
			default:
				if c.Refused != "" {
					t.Errorf("%s: %s", name, c.Refused)
				}
			}
		}
	})
}
