package mysql

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"github.com/meepo-replicate/meepo/source"
)

// A position's text says how the log is found again:
//
//	gtid:<set>[;<gtid>@<time>]                         MySQL with GTIDs
//	mariadb:<gtids>;<file>:<pos>@<server uid>[;<proof>] MariaDB: found by the GTIDs, the place is for comparing
//	file:<server uuid>/<file>:<pos>[;<proof>]           MySQL without GTIDs
//
// What is in brackets is proof that it is this log, see proof.go; earlier versions had none.
type position struct {
	kind   positionKind
	set    *gomysql.MysqlGTIDSet // byGTID
	list   gtidList              // byMariaDB
	server string                // byMariaDB, byFile: whose place it is
	place  binlogPlace           // byMariaDB, byFile
	commit commitProof           // byGTID
	trace  placeProof            // byMariaDB, byFile
}

type positionKind uint8

const (
	byGTID positionKind = iota + 1
	byMariaDB
	byFile
)

const filePrefix = "file:"

// parsePosition reads the text of a position.
func parsePosition(text source.Position) (position, error) {
	var p position
	var err error
	if set, ok := strings.CutPrefix(string(text), gtidPrefix); ok {
		p.kind = byGTID
		set, proof, proven := strings.Cut(set, ";")
		if p.set, err = parseGTIDSet(set); err == nil && proven {
			p.commit, err = parseCommitProof(proof)
		}
	} else if rest, ok := strings.CutPrefix(string(text), mariadbPrefix); ok {
		p.kind = byMariaDB
		list, rest, _ := strings.Cut(rest, ";")
		place, server, ok := strings.Cut(rest, "@")
		if !ok {
			return position{}, fmt.Errorf("position %q: want gtids;file:position@server", text)
		}
		server, proof, proven := strings.Cut(server, ";")
		p.server = server
		if p.list, err = parseGTIDList(list); err == nil {
			p.place, err = parsePlace(place)
		}
		if err == nil && proven {
			p.trace, err = parsePlaceProof(proof)
		}
	} else if rest, ok := strings.CutPrefix(string(text), filePrefix); ok {
		p.kind = byFile
		server, place, _ := strings.Cut(rest, "/")
		p.server = server
		place, proof, proven := strings.Cut(place, ";")
		if p.place, err = parsePlace(place); err == nil && proven {
			p.trace, err = parsePlaceProof(proof)
		}
	} else {
		err = errors.New("it has to begin with gtid:, mariadb: or file: and a place")
	}
	if err != nil {
		return position{}, fmt.Errorf("position %q: %w", text, err)
	}
	return p, nil
}

func parsePlace(text string) (binlogPlace, error) {
	colon := strings.LastIndexByte(text, ':')
	if colon < 1 {
		return binlogPlace{}, fmt.Errorf("want file:position, not %q", text)
	}
	pos, err := strconv.ParseUint(text[colon+1:], 10, 64)
	return binlogPlace{file: text[:colon], pos: pos}, err
}

// parseGTIDSet reads a set as the server prints it, with line breaks.
func parseGTIDSet(text string) (*gomysql.MysqlGTIDSet, error) {
	set, err := gomysql.ParseMysqlGTIDSet(strings.ReplaceAll(text, "\n", ""))
	if err != nil {
		return nil, fmt.Errorf("gtid set: %w", err)
	}
	return set.(*gomysql.MysqlGTIDSet), nil
}

func (p position) text() source.Position {
	switch p.kind {
	case byGTID:
		return source.Position(gtidPrefix + p.set.String() + p.commit.text())
	case byMariaDB:
		return source.Position(fmt.Sprintf("%s%s;%s:%d@%s%s", mariadbPrefix, p.list, p.place.file, p.place.pos, p.server, p.trace.text()))
	}
	return source.Position(fmt.Sprintf("%s%s/%s:%d%s", filePrefix, p.server, p.place.file, p.place.pos, p.trace.text()))
}

// fence asks for everything up to the position.
func (p position) fence() source.Fence {
	switch p.kind {
	case byGTID:
		return gtidFence(p.set.String())
	case byMariaDB:
		return mariadbFence(p.server, p.place.file, p.place.pos, p.list.String())
	}
	return lockFence(p.server)
}

// reached reports whether whoever has read up to p has read up to want.
func (p position) reached(want position) (bool, error) {
	switch {
	case p.kind != want.kind, p.kind == byFile && p.server != want.server:
		return false, fmt.Errorf("compare positions %q and %q: they belong to different logs", p.text(), want.text())
	case p.kind == byGTID:
		return p.set.Contain(want.set), nil
	case p.kind == byFile:
		return !p.place.before(want.place), nil
	}
	// Where sequence numbers do not always grow (gtid_strict_mode=OFF), the place in the log tells.
	return p.server == want.server && !p.place.before(want.place) || p.list.reached(want.list), nil
}

// clone returns a position that shares nothing with p.
func (p position) clone() position {
	if p.set != nil {
		p.set = p.set.Clone().(*gomysql.MysqlGTIDSet)
	}
	p.list = slices.Clone(p.list)
	return p
}

// gtid is one of MariaDB's.
type gtid struct {
	domain, server uint32
	sequence       uint64
}

// gtidList is MariaDB's position: the last GTID of each domain, sorted by domain.
type gtidList []gtid

func parseGTIDList(text string) (gtidList, error) {
	all, err := parseGTIDs(text)
	var list gtidList
	for _, g := range all {
		list = list.with(g)
	}
	return list, err
}

// parseGTIDs reads MariaDB's GTIDs, of which a domain may have several.
func parseGTIDs(text string) ([]gtid, error) {
	var all []gtid
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		g, err := gomysql.ParseMariadbGTID(item)
		if err != nil {
			return nil, fmt.Errorf("gtid %q: want domain-server-sequence", item)
		}
		all = append(all, gtid{g.DomainID, g.ServerID, g.SequenceNumber})
	}
	return all, nil
}

// with puts g in the place of its domain.
func (l gtidList) with(g gtid) gtidList {
	at, found := slices.BinarySearchFunc(l, g, func(a, b gtid) int { return cmp.Compare(a.domain, b.domain) })
	if found {
		l[at] = g
		return l
	}
	return slices.Insert(l, at, g)
}

func (l gtidList) reached(want gtidList) bool {
	for _, w := range want {
		if !slices.ContainsFunc(l, func(g gtid) bool { return g.domain == w.domain && g.sequence >= w.sequence }) {
			return false
		}
	}
	return true
}

func (l gtidList) String() string {
	var text strings.Builder
	for i, g := range l {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, "%d-%d-%d", g.domain, g.server, g.sequence)
	}
	return text.String()
}
