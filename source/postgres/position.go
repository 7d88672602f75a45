package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pglogrepl"

	"github.com/meepo-replicate/meepo/source"
)

// position is a place in a server's log: the end of a commit, or a place between commits.
//
// As text: "lsn:<system identifier>/<timeline>/<LSN>", such as lsn:7420934758290472051/1/0/1A2B3C8.
type position struct {
	system   string // the cluster's identifier, in decimal digits
	timeline int32  // on which the place is
	lsn      pglogrepl.LSN
}

const positionPrefix = "lsn:"

func (p position) text() source.Position {
	return source.Position(fmt.Sprintf("%s%s/%d/%s", positionPrefix, p.system, p.timeline, p.lsn))
}

func parsePosition(text source.Position) (position, error) {
	rest, ok := strings.CutPrefix(string(text), positionPrefix)
	system, rest, cut := strings.Cut(rest, "/")
	timeline, place, cutAgain := strings.Cut(rest, "/")
	if ok && cut && cutAgain && system != "" {
		line, err := strconv.ParseInt(timeline, 10, 32)
		lsn, wrong := pglogrepl.ParseLSN(place)
		if err == nil && wrong == nil && line > 0 {
			return position{system, int32(line), lsn}, nil
		}
	}
	return position{}, fmt.Errorf("%q is no position in a PostgreSQL log", text)
}

// fence is what a read has to see: on a primary, transactions that were seen to commit and may not be
// visible yet; on a standby, a place in the log that it has to have replayed.
//
// As text: "lsn:<system identifier>/<LSN>;<xid>,<xid>…" with 64-bit transaction ids.
type fence struct {
	system string
	lsn    pglogrepl.LSN
	xids   []uint64 // sorted; top-level transactions
}

func (f fence) text() source.Fence {
	if f.system == "" {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s/%s;", positionPrefix, f.system, f.lsn)
	for i, xid := range f.xids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(xid, 10))
	}
	return source.Fence(b.String())
}

func parseFence(text source.Fence) (fence, error) {
	if text == "" {
		return fence{}, nil
	}
	rest, ok := strings.CutPrefix(string(text), positionPrefix)
	place, list, cut := strings.Cut(rest, ";")
	system, at, cutAgain := strings.Cut(place, "/")
	if !ok || !cut || !cutAgain || system == "" {
		return fence{}, fmt.Errorf("%q is no fence of a PostgreSQL log", text)
	}
	lsn, err := pglogrepl.ParseLSN(at)
	if err != nil {
		return fence{}, fmt.Errorf("%q is no fence of a PostgreSQL log: %w", text, err)
	}
	f := fence{system: system, lsn: lsn}
	for xid := range strings.SplitSeq(list, ",") {
		if xid == "" {
			continue
		}
		n, err := strconv.ParseUint(xid, 10, 64)
		if err != nil {
			return fence{}, fmt.Errorf("%q is no fence of a PostgreSQL log: %w", text, err)
		}
		f.xids = append(f.xids, n)
	}
	return f, nil
}

// snapshot is what pg_current_snapshot() says: every transaction below xmin has ended, of those up to xmax
// all but the listed ones.
type snapshot struct {
	xmin, xmax uint64
	running    []uint64 // sorted
}

func parseSnapshot(text string) (snapshot, error) {
	var s snapshot
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return s, fmt.Errorf("%q is no snapshot", text)
	}
	for i, into := range []*uint64{&s.xmin, &s.xmax} {
		n, err := strconv.ParseUint(parts[i], 10, 64)
		if err != nil {
			return s, fmt.Errorf("%q is no snapshot: %w", text, err)
		}
		*into = n
	}
	for xid := range strings.SplitSeq(parts[2], ",") {
		if xid == "" {
			continue
		}
		n, err := strconv.ParseUint(xid, 10, 64)
		if err != nil {
			return s, fmt.Errorf("%q is no snapshot: %w", text, err)
		}
		s.running = append(s.running, n)
	}
	return s, nil
}

// ended reports whether a transaction has ended in the snapshot.
func (s snapshot) ended(xid uint64) bool {
	_, runs := slices.BinarySearch(s.running, xid)
	return xid < s.xmin || xid < s.xmax && !runs
}

// widen makes 64 bits of the 32 that the log has of a transaction id. Ids that are in use at one time are
// within half of the 32-bit range of each other.
func (s snapshot) widen(xid uint32) uint64 {
	return s.xmax + uint64(int64(int32(xid-uint32(s.xmax))))
}
