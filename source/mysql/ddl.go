package mysql

import (
	"strings"

	"github.com/meepo-replicate/meepo/source"
)

// statementKind says what a statement in the log means to the stream.
type statementKind uint8

const (
	stmtUnknown   statementKind = iota // not on any list: it may change rows for all we know
	stmtHarmless                       // changes no table and no row
	stmtBegin                          // a transaction starts
	stmtCommit                         // it ends
	stmtSavepoint                      // within one
	stmtXAStart
	stmtXAEnd
	stmtXACommit
	stmtXARollback
	stmtTables // changes of tables
	stmtRows   // changes of rows, written as a statement
)

// statement is what was understood of a statement's text. The text itself is not kept: it holds
// values.
type statement struct {
	kind    statementKind
	what    string // its first keywords, for messages
	changes []tableChange
	dropped string       // of DROP DATABASE: which
	table   source.Table // of stmtRows: the first table it names, if that was found
	alone   bool         // of stmtRows: it changes no other
	schema  string       // the default database
	xid     string       // of XA statements, as the log writes it
	opens   bool         // it is followed by rows and their commit (CREATE TABLE … SELECT)
}

// parseStatement understands a statement of the log in its default database.
func parseStatement(text, schema string, d dialect) statement {
	p := &ddlParser{lexer: lexer{dialect: d, rest: text}, stmt: statement{schema: schema}}
	p.advance()
	p.statement()
	return p.stmt
}

type ddlParser struct {
	lexer
	tok  token
	stmt statement
}

func (p *ddlParser) advance() token {
	was := p.tok
	p.tok = p.next()
	return was
}

// accept skips the words if they all come next, in order; a first word alone decides nothing.
func (p *ddlParser) accept(words ...string) bool {
	mark := *p
	for _, w := range words {
		if !p.tok.is(w) {
			*p = mark
			return false
		}
		p.advance()
	}
	return true
}

// skipAny skips any of the words, in any order.
func (p *ddlParser) skipAny(words ...string) {
	for again := true; again; {
		again = false
		for _, w := range words {
			again = p.accept(w) || again
		}
	}
}

// name reads [schema.]table; ok is false if none stands here.
func (p *ddlParser) name() (source.Table, bool) {
	first, ok := p.identifier()
	if !ok {
		return source.Table{}, false
	}
	t := source.Table{Schema: p.stmt.schema, Name: first}
	if p.tok.is(".") {
		p.advance()
		if t.Name, ok = p.identifier(); !ok {
			return source.Table{}, false
		}
		t.Schema = first
	}
	return t, true
}

func (p *ddlParser) identifier() (string, bool) {
	if p.tok.kind != tokenWord && p.tok.kind != tokenName || p.tok.text == "" {
		return "", false
	}
	text := p.advance().text
	if p.foldNames {
		text = strings.ToLower(text)
	}
	return text, true
}

func (p *ddlParser) change(action source.Action, table, to source.Table) {
	p.stmt.kind = stmtTables
	p.stmt.changes = append(p.stmt.changes, tableChange{Event: source.Event{Action: action, Table: table, To: to}})
}

// alterAlso notes an Alter with what it does.
func (p *ddlParser) alterAlso(table source.Table, does effect) {
	p.stmt.kind = stmtTables
	p.stmt.changes = append(p.stmt.changes, tableChange{Event: source.Event{Action: source.Alter, Table: table}, effect: does})
}

// words that start a statement that changes no table and no row of any subscribed table.
var harmlessWords = map[string]bool{
	"ANALYZE": true, "BACKUP": true, "CACHE": true, "CHANGE": true, "CHECK": true, "CHECKSUM": true, "CLONE": true, "DEALLOCATE": true,
	"DESCRIBE": true, "EXECUTE": true, "EXPLAIN": true, "FLUSH": true, "GRANT": true, "HELP": true, "INSTALL": true, "KILL": true,
	"LOCK": true, "OPTIMIZE": true, "PREPARE": true, "PURGE": true, "RELEASE": true, "REPAIR": true, "RESET": true, "RESIGNAL": true,
	"REVOKE": true, "SET": true, "SHOW": true, "SHUTDOWN": true, "SIGNAL": true, "STOP": true, "UNINSTALL": true, "UNLOCK": true, "USE": true,
}

var rowWords = map[string]bool{
	"INSERT": true, "REPLACE": true, "UPDATE": true, "DELETE": true, "LOAD": true, "WITH": true, "CALL": true,
	"DO": true, "SELECT": true, "VALUES": true, "TABLE": true,
}

func (p *ddlParser) statement() {
	if p.tok.kind == tokenEnd { // only a comment: MariaDB's dummy events
		p.stmt.kind = stmtHarmless
		return
	}
	if p.accept("SET", "STATEMENT") {
		p.skipTo("FOR")
		p.advance()
	}
	word := strings.ToUpper(p.tok.text)
	p.stmt.what = word
	switch {
	case p.tok.kind != tokenWord:
		p.stmt.what = "?"
	case rowWords[word]:
		p.rows(word)
	case harmlessWords[word]:
		p.stmt.kind = stmtHarmless
	default:
		p.advance()
		p.structural(word)
	}
}

func (p *ddlParser) structural(word string) {
	switch word {
	case "BEGIN":
		p.stmt.kind = stmtBegin
	case "COMMIT":
		p.stmt.kind = stmtCommit
	case "SAVEPOINT":
		p.stmt.kind = stmtSavepoint
	case "ROLLBACK":
		p.accept("WORK")
		p.stmt.kind = stmtCommit
		if p.tok.is("TO") {
			p.stmt.kind = stmtSavepoint
		}
	case "START":
		p.stmt.kind = stmtHarmless // START REPLICA and the like
		if p.tok.is("TRANSACTION") {
			p.stmt.kind = stmtBegin
		}
	case "XA":
		p.xa()
	case "TRUNCATE":
		p.stmt.what = "TRUNCATE TABLE"
		p.accept("TABLE")
		if t, ok := p.name(); ok {
			p.change(source.Truncate, t, source.Table{})
		}
	case "CREATE":
		p.create()
	case "DROP":
		p.drop()
	case "ALTER":
		p.alter()
	case "RENAME":
		p.rename()
	}
}

func (p *ddlParser) xa() {
	verb := p.advance().keyword()
	p.stmt.what = strings.TrimSpace("XA " + verb)
	p.stmt.kind = map[string]statementKind{
		"START": stmtXAStart, "BEGIN": stmtXAStart, "END": stmtXAEnd, "PREPARE": stmtXAEnd, "COMMIT": stmtXACommit, "ROLLBACK": stmtXARollback,
	}[verb]
	var xid strings.Builder
	for p.tok.kind != tokenEnd && !p.tok.is("ONE") {
		xid.WriteString(p.advance().text)
	}
	p.stmt.xid = strings.ToLower(xid.String())
}

// skipTo stops at the word or at the end, outside of parentheses.
func (p *ddlParser) skipTo(words ...string) {
	for depth := 0; p.tok.kind != tokenEnd; p.advance() {
		switch {
		case p.tok.is("("):
			depth++
		case p.tok.is(")"):
			depth--
		}
		for _, w := range words {
			if depth <= 0 && p.tok.is(w) {
				return
			}
		}
	}
}

// rows finds the first table of a statement that changes rows.
func (p *ddlParser) rows(word string) {
	p.stmt.kind = stmtRows
	p.advance()
	switch word {
	case "INSERT", "REPLACE", "UPDATE", "DELETE":
		p.skipAny("LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE")
		p.skipAny("INTO", "FROM")
		var named bool
		p.stmt.table, named = p.name()
		p.stmt.alone = named && (word == "INSERT" || word == "REPLACE" || p.ofOneTable(word))
	case "LOAD":
		p.skipTo("INTO")
		if p.accept("INTO", "TABLE") {
			p.stmt.table, p.stmt.alone = p.name()
		}
	}
}

// ofOneTable reports whether an UPDATE or DELETE goes on, after the first table's name and perhaps another
// name for it, as one that names no other table to change.
func (p *ddlParser) ofOneTable(word string) bool {
	ends := []string{"SET"}
	if word == "DELETE" {
		ends = []string{"WHERE", "ORDER", "LIMIT", "RETURNING"}
	}
	goesOn := func() bool { return p.anyOf(ends...) || word == "DELETE" && p.tok.kind == tokenEnd }
	if p.accept("AS"); goesOn() {
		return true
	}
	if p.tok.kind == tokenWord || p.tok.kind == tokenName {
		p.advance()
	}
	return goesOn()
}
