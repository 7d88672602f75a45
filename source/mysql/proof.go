package mysql

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/google/uuid"
)

// A position alone is a name, and a log that began anew (after a reset, or a restored backup) gives
// the same names to other transactions. So a position carries something of what it is a name of,
// which every connect looks for again, see prove.go. A position of an earlier version of this
// program, or of the head, has no proof until the log is opened there.

// commitProof is a transaction of a GTID set and when it was committed first, which stays what it is
// on replicas. Zero: none.
type commitProof struct {
	sid       uuid.UUID
	tag       gomysql.Tag
	gno       int64
	committed uint64 // microseconds since 1970; 0: not known
}

// gtid is the transaction's name.
func (c commitProof) gtid() string {
	if c.tag != (gomysql.Tag{}) {
		return fmt.Sprintf("%s:%s:%d", c.sid, c.tag, c.gno)
	}
	return fmt.Sprintf("%s:%d", c.sid, c.gno)
}

func (c commitProof) same(other commitProof) bool {
	return c.sid == other.sid && c.tag == other.tag && c.gno == other.gno
}

func (c commitProof) time() string {
	return time.UnixMicro(int64(c.committed)).UTC().Format(time.RFC3339Nano)
}

// text is empty if there is no proof.
func (c commitProof) text() string {
	if c.committed == 0 {
		return ""
	}
	return fmt.Sprintf(";%s@%d", c.gtid(), c.committed)
}

func parseCommitProof(text string) (c commitProof, err error) {
	gtid, at, _ := strings.Cut(text, "@")
	if c.committed, err = strconv.ParseUint(at, 10, 64); err == nil {
		c, err = parseCommit(gtid, c.committed)
	}
	if err != nil {
		return commitProof{}, fmt.Errorf("proof %q: want transaction@microseconds", text)
	}
	return c, nil
}

// parseCommit reads the name of one transaction.
func parseCommit(gtid string, committed uint64) (c commitProof, err error) {
	parts := strings.Split(gtid, ":")
	if c.sid, err = uuid.Parse(parts[0]); err != nil {
		return commitProof{}, err
	}
	if len(parts) > 2 {
		c.tag = gomysql.NewTag(parts[1])
	}
	c.gno, err = strconv.ParseInt(parts[len(parts)-1], 10, 64)
	c.committed = committed
	return c, err
}

// placeProof is of a place in a file of the log: when the file was begun, and the event that ends at
// the place. Times are seconds since 1970, as the log has them. Zero: none.
type placeProof struct {
	created uint32 // 0: not known
	start   uint64 // of the event; 0: not known
	time    uint32 // of the event
}

// text is empty if there is no proof.
func (p placeProof) text() string {
	if p.created == 0 {
		return ""
	}
	return fmt.Sprintf(";%d,%d,%d", p.created, p.start, p.time)
}

func parsePlaceProof(text string) (placeProof, error) {
	var numbers [3]uint64
	parts := strings.Split(text, ",")
	ok := len(parts) == len(numbers)
	for i := 0; ok && i < len(parts); i++ {
		bits := 32
		if i == 1 {
			bits = 64
		}
		var err error
		numbers[i], err = strconv.ParseUint(parts[i], 10, bits)
		ok = err == nil
	}
	if !ok {
		return placeProof{}, fmt.Errorf("proof %q: want created,start,time", text)
	}
	return placeProof{uint32(numbers[0]), numbers[1], uint32(numbers[2])}, nil
}

// eventTime is when an event was written, by its header.
func eventTime(raw []byte) uint32 { return binary.LittleEndian.Uint32(raw) }

// spans reports whether an event that begins at start can be one that ends at end. A server takes the
// checksum, of four bytes, from events for readers that do not know it.
func spans(start, end uint64, raw []byte) bool {
	size := uint64(binary.LittleEndian.Uint32(raw[9:]))
	return end == start+size || end == start+size+4
}

// traced notes an event as the one that ends where the reader is. It begins where the one before
// ended, unless the server has left something out between them.
func (d *logDecoder) traced(start uint64, raw []byte) {
	d.trace.start, d.trace.time = 0, 0
	if spans(start, d.place.pos, raw) {
		d.trace.start, d.trace.time = start, eventTime(raw)
	}
}

var errJump = errors.New("the log goes on in another file although the one before has no end, as after a crash, or when it began anew")

// turned follows the reader to another file. A file ends with an event that says so, except where the
// server crashed, and where the log began anew under its reader, who then misses the beginning. Which of
// the two it was is found out on a new connection, once for a file. The error is passing.
func (d *logDecoder) turned(to binlogPlace, raw []byte) error {
	from := fmt.Sprintf("%s begun %d", d.place.file, d.trace.created)
	ended := d.stopped || !placeless(raw) // the event that ends a file is in it
	if reading := d.format != nil; reading && to.file != d.place.file && !ended && !d.jumped[from] {
		d.jumped[from] = true
		return &passingError{errJump}
	}
	d.place, d.trace = to, placeProof{}
	return nil
}

// began notes when the file was begun that the reader is in.
func (d *logDecoder) began(raw []byte) {
	d.trace.created, d.stopped = eventTime(raw), false
	if d.at.trace == (placeProof{}) && d.at.server == d.info.uuid && d.at.place == d.place {
		d.at.trace = d.trace
	}
}

// proven names a transaction that was read. The time may be missing where it comes from an old server.
func proven(ev *replication.GTIDEvent) commitProof {
	c := commitProof{tag: ev.Tag, gno: ev.GNO, committed: ev.OriginalCommitTimestamp}
	copy(c.sid[:], ev.SID)
	return c
}
