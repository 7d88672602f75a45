package mysql

import (
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// effect says what a change of a table's definition does beyond the definition. What is not listed
// (indexes, defaults, comments, most options) has none.
type effect uint8

const (
	// onLayout: columns or the key may be others, or in another order, so that rows in the log before
	// it cannot be read by the catalog of after it.
	onLayout effect = 1 << iota
	// onNames: a column got a name, which another one may have had.
	onNames
	// onValues: values may have been converted.
	onValues
	// onRows: rows may have come or gone.
	onRows
)

// tableChange is a change of a table in the log, with what an Alter does.
type tableChange struct {
	source.Event
	effect       effect
	gained, lost []string // names of columns that were added or renamed; that were dropped or renamed
}

// clauseEffects are the effects of ALTER TABLE's clauses by their first word, of those that have one
// and the same whatever follows. Unknown words are taken for a change of columns.
var clauseEffects = map[string]effect{
	"MODIFY":  onLayout | onValues,
	"DISCARD": onRows, "IMPORT": onRows, "TRUNCATE": onRows, "EXCHANGE": onRows, "UNION": onRows,

	// The servers move every row to its new partition, or refuse.
	"REORGANIZE": 0, "COALESCE": 0, "REMOVE": 0, "PARTITION": 0, "REBUILD": 0,
	"ANALYZE": 0, "CHECK": 0, "OPTIMIZE": 0, "REPAIR": 0,

	"ALTER": 0, "ORDER": 0, "ENABLE": 0, "DISABLE": 0, "FORCE": 0, "ALGORITHM": 0, "LOCK": 0, "WITH": 0, "WITHOUT": 0,

	"AUTOEXTEND_SIZE": 0, "AUTO_INCREMENT": 0, "AVG_ROW_LENGTH": 0, "CHARACTER": 0, "CHARSET": 0, "CHECKSUM": 0, "COLLATE": 0, "COMMENT": 0,
	"COMPRESSION": 0, "CONNECTION": 0, "DATA": 0, "DEFAULT": 0, "DELAY_KEY_WRITE": 0, "ENCRYPTED": 0, "ENCRYPTION": 0, "ENCRYPTION_KEY_ID": 0,
	"ENGINE_ATTRIBUTE": 0, "IETF_QUOTES": 0, "INDEX": 0, "INSERT_METHOD": 0, "KEY_BLOCK_SIZE": 0, "MAX_ROWS": 0, "MIN_ROWS": 0, "PACK_KEYS": 0,
	"PAGE_CHECKSUM": 0, "PAGE_COMPRESSED": 0, "PAGE_COMPRESSION_LEVEL": 0, "PASSWORD": 0, "ROW_FORMAT": 0, "SECONDARY_ENGINE": 0,
	"SECONDARY_ENGINE_ATTRIBUTE": 0, "SECONDARY_LOAD": 0, "SECONDARY_UNLOAD": 0, "STATS_AUTO_RECALC": 0, "STATS_PERSISTENT": 0,
	"STATS_SAMPLE_PAGES": 0, "TABLESPACE": 0, "TRANSACTIONAL": 0,
}

// clause reads what one specification of ALTER TABLE does, and notes the other tables that it changes.
func (p *ddlParser) clause(own *tableChange) effect {
	switch {
	case p.accept("ADD"):
		return p.addClause(own)
	case p.accept("DROP"):
		return p.dropClause(own)
	case p.accept("RENAME"):
		if p.tok.is("INDEX") || p.tok.is("KEY") {
			return 0
		}
		p.accept("COLUMN")
		p.accept("IF", "EXISTS")
		p.column(&own.lost)
		p.accept("TO")
		p.column(&own.gained)
		return onLayout | onNames
	case p.accept("CHANGE"):
		p.accept("COLUMN")
		p.accept("IF", "EXISTS")
		var names []string
		p.column(&names)
		p.column(&names)
		if len(names) == 2 && !strings.EqualFold(names[0], names[1]) {
			own.lost, own.gained = append(own.lost, names[0]), append(own.gained, names[1])
		}
		return onLayout | onNames | onValues
	case p.accept("CONVERT"):
		return p.convertClause()
	case p.accept("ENGINE"), p.accept("TYPE"):
		p.accept("=")
		if p.tok.is("BLACKHOLE") || strings.EqualFold(p.tok.text, "BLACKHOLE") {
			return onRows
		}
		return 0
	case p.tok.is("EXCHANGE"):
		p.skipTo("TABLE")
		p.advance()
		if t, ok := p.name(); ok {
			p.alterAlso(t, onRows)
		}
		return onRows
	}
	word := p.advance()
	known, ok := clauseEffects[strings.ToUpper(word.text)]
	if word.kind != tokenWord || !ok {
		return onLayout
	}
	if p.tok.is("PARTITION") {
		p.skipTo() // a list of names is no list of clauses
	}
	return known
}

// column reads the name of a column, if one stands here.
func (p *ddlParser) column(into *[]string) {
	if p.tok.kind == tokenWord || p.tok.kind == tokenName {
		*into = append(*into, p.advance().text)
	}
}

// addClause reads what follows ADD. A column's default is seen by its column.
func (p *ddlParser) addClause(own *tableChange) effect {
	if p.accept("CONSTRAINT") {
		p.accept("IF", "NOT", "EXISTS")
		if !p.anyOf("PRIMARY", "UNIQUE", "FOREIGN", "CHECK") {
			p.advance() // its name
		}
	}
	switch {
	case p.anyOf("INDEX", "KEY", "FULLTEXT", "SPATIAL", "UNIQUE", "FOREIGN", "CHECK", "PARTITION"), p.accept("VECTOR", "INDEX"), p.accept("VECTOR", "KEY"):
		return 0
	case p.anyOf("PRIMARY", "PERIOD"):
		return onLayout
	case p.anyOf("SYSTEM"):
		return onLayout | onRows
	}
	p.accept("COLUMN")
	p.accept("IF", "NOT", "EXISTS")
	if !p.accept("(") {
		p.column(&own.gained)
		return onLayout | onNames
	}
	p.column(&own.gained)
	for depth := 1; depth > 0 && p.tok.kind != tokenEnd; {
		switch at := p.advance(); {
		case at.is("("):
			depth++
		case at.is(")"):
			depth--
		case at.is(",") && depth == 1:
			p.column(&own.gained) // or the first word of an index, which does no harm
		}
	}
	return onLayout | onNames
}

// dropClause reads what follows DROP.
func (p *ddlParser) dropClause(own *tableChange) effect {
	switch {
	case p.accept("INDEX"), p.accept("KEY"), p.accept("CONSTRAINT"):
		p.accept("IF", "EXISTS")
		if strings.EqualFold(p.tok.text, "PRIMARY") {
			return onLayout
		}
		return 0
	case p.anyOf("CHECK", "FOREIGN"):
		return 0
	case p.tok.is("PARTITION"):
		p.skipTo()
		return onRows
	case p.anyOf("PRIMARY", "PERIOD"):
		return onLayout
	case p.anyOf("SYSTEM"): // rows are told otherwise in the log from here on, and how they were told before is not known
		return onLayout | onRows
	}
	p.accept("COLUMN")
	p.accept("IF", "EXISTS")
	p.column(&own.lost)
	return onLayout
}

// convertClause reads what follows CONVERT: to a character set, or MariaDB's between tables and partitions.
func (p *ddlParser) convertClause() effect {
	switch {
	case p.accept("TABLE"):
		if t, ok := p.name(); ok {
			p.change(source.Drop, t, source.Table{})
		}
		return onRows
	case p.accept("PARTITION"):
		p.skipTo("TABLE")
		p.advance()
		if t, ok := p.name(); ok {
			p.change(source.Create, t, source.Table{})
		}
		return onRows
	}
	return onLayout | onValues
}

func (p *ddlParser) anyOf(words ...string) bool {
	for _, w := range words {
		if p.tok.is(w) {
			return true
		}
	}
	return false
}
