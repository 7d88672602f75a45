package mysql

import (
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

func (p *ddlParser) create() {
	replace := p.accept("OR", "REPLACE")
	p.skipAny("ONLINE", "OFFLINE", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "AGGREGATE")
	temporary := p.accept("TEMPORARY")
	p.object("CREATE")
	switch {
	case p.accept("TABLE"):
		p.accept("IF", "NOT", "EXISTS")
		t, ok := p.name()
		if !ok {
			p.stmt.kind = stmtUnknown
			return
		}
		if temporary {
			p.stmt.kind = stmtHarmless
			return
		}
		if replace {
			p.change(source.Drop, t, source.Table{})
		}
		p.change(source.Create, t, source.Table{})
		p.stmt.opens = p.endsWith("START", "TRANSACTION")
	case p.accept("INDEX"):
		p.indexTable()
	}
}

// endsWith skips to the end and reports whether the last two words are these.
func (p *ddlParser) endsWith(first, second string) bool {
	var before, last token
	for p.tok.kind != tokenEnd {
		before, last = last, p.advance()
	}
	return before.is(first) && last.is(second)
}

// indexTable reads "name … ON table" of CREATE INDEX and DROP INDEX.
func (p *ddlParser) indexTable() {
	p.stmt.kind = stmtUnknown
	p.accept("IF", "NOT", "EXISTS")
	p.accept("IF", "EXISTS")
	var does effect
	if strings.EqualFold(p.advance().text, "PRIMARY") {
		does = onLayout
	}
	p.skipTo("ON")
	p.advance()
	if t, ok := p.name(); ok {
		p.alterAlso(t, does)
	}
}

// kinds of objects that hold no rows, or only rows of their own.
var harmlessObjects = []string{
	"DATABASE", "SCHEMA", "VIEW", "PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "USER", "ROLE", "SERVER", "SEQUENCE", "TABLESPACE", "LOGFILE",
	"UNDO", "PACKAGE", "REFERENCE", "RESOURCE", "LIBRARY", "INSTANCE", "PREPARE", "CATALOG", "SQL", "DEFINER", "ALGORITHM", "MASKING",
}

// object names the statement after its object and takes those for granted that do not matter here.
// What stands before the object of a view, trigger or routine (DEFINER = …) stands before nothing else.
func (p *ddlParser) object(verb string) {
	p.stmt.what = strings.TrimSpace(verb + " " + p.tok.keyword())
	for _, o := range harmlessObjects {
		if p.tok.is(o) {
			p.stmt.kind = stmtHarmless
		}
	}
}

func (p *ddlParser) drop() {
	p.skipAny("ONLINE", "OFFLINE", "UNDO", "SPATIAL")
	temporary := p.accept("TEMPORARY")
	p.object("DROP")
	switch {
	case p.accept("TABLE"), p.accept("TABLES"):
		p.accept("IF", "EXISTS")
		for {
			t, ok := p.name()
			if !ok {
				p.stmt.kind = stmtUnknown
				return
			}
			p.change(source.Drop, t, source.Table{})
			if !p.accept(",") {
				break
			}
		}
		if temporary {
			p.stmt.kind, p.stmt.changes = stmtHarmless, nil
		}
	case p.accept("INDEX"):
		p.indexTable()
	case p.accept("DATABASE"), p.accept("SCHEMA"):
		p.accept("IF", "EXISTS")
		if name, ok := p.identifier(); ok {
			p.stmt.kind, p.stmt.dropped = stmtTables, name
		}
	}
}

func (p *ddlParser) rename() {
	p.stmt.what = strings.TrimSpace("RENAME " + p.tok.keyword())
	if p.accept("USER") {
		p.stmt.kind = stmtHarmless
		return
	}
	if !p.accept("TABLE") && !p.accept("TABLES") {
		return
	}
	p.accept("IF", "EXISTS")
	for {
		from, ok := p.name()
		p.lockOption()
		if !ok || !p.accept("TO") {
			p.stmt.kind = stmtUnknown
			return
		}
		to, ok := p.name()
		if !ok {
			p.stmt.kind = stmtUnknown
			return
		}
		p.change(source.Rename, from, to)
		if !p.accept(",") {
			return
		}
	}
}

// lockOption skips MariaDB's WAIT n and NOWAIT.
func (p *ddlParser) lockOption() {
	if p.accept("WAIT") {
		p.advance()
	}
	p.accept("NOWAIT")
}

func (p *ddlParser) alter() {
	p.skipAny("ONLINE", "OFFLINE")
	var own tableChange
	if p.accept("IGNORE") { // MariaDB: rows that a new key does not allow go
		own.effect = onRows
	}
	p.skipAny("ONLINE", "OFFLINE")
	p.object("ALTER")
	if !p.accept("TABLE") {
		return
	}
	p.accept("IF", "EXISTS")
	t, ok := p.name()
	if !ok {
		return
	}
	p.lockOption()
	var to source.Table
	other := p.tok.kind == tokenEnd // ALTER TABLE t without more is a rebuild
	for p.tok.kind != tokenEnd {
		if renamed, ok := p.renameSpec(); ok {
			to = renamed
		} else {
			other = true
			own.effect |= p.clause(&own)
		}
		p.skipTo(",")
		p.advance()
	}
	if other {
		// The table's own change comes first: it is known by its old name until then.
		own.Event = source.Event{Action: source.Alter, Table: t}
		p.stmt.changes = append([]tableChange{own}, p.stmt.changes...)
		p.stmt.kind = stmtTables
	}
	if !to.IsZero() {
		p.change(source.Rename, t, to)
	}
}

func (p *ddlParser) renameSpec() (source.Table, bool) {
	mark := *p
	if !p.accept("RENAME") || p.tok.is("COLUMN") || p.tok.is("INDEX") || p.tok.is("KEY") {
		*p = mark
		return source.Table{}, false
	}
	p.skipAny("TO", "AS", "=")
	return p.name()
}
