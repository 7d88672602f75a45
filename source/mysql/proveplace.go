package mysql

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"
)

const logHead = 4 // where the first event of a file is

// provePlace looks at the file, and at the event that ends at the place. Without one it makes sure
// that the log can be read on from there.
func (h *history) provePlace(ctx context.Context, at position) (position, error) {
	look := placeLook{history: h, at: at, from: at.place}
	if at.trace.start > 0 {
		look.from.pos = at.trace.start
	}
	if look.from.pos > math.MaxUint32 { // which cannot be asked for
		look.from.pos, look.fileOnly = logHead, true
	}
	err := h.glance(ctx, position{kind: byFile, place: look.from}, look.event)
	answer, ok := serverAnswer(err)
	switch {
	case !ok || answer.Number != errLogRead:
	case at.kind == byMariaDB && strings.Contains(answer.Message, "first log file"):
		return at, nil // purged a moment ago
	case unreadable(answer.Message):
		err = h.foreign(fmt.Errorf("the server cannot read its log at %s:%d: it began anew, or is damaged: %s", look.from.file, look.from.pos, answer.Message))
	}
	return look.at, err
}

// unreadable reports whether a server says that no event of its log begins at a place. It takes what it
// finds there for the length of an event, which it says is larger than it allows its readers, 1 GiB.
func unreadable(text string) bool {
	for _, sign := range []string{
		"impossible position", "bogus data", "position > file size", "truncated", "read error", "corrupt", "checksum", "crc", "invalid event",
		"wrong magic", "event too small", "event length", "unknown event type", "log event entry exceeded max_allowed_packet",
	} {
		if strings.Contains(strings.ToLower(text), sign) {
			return true
		}
	}
	return false
}

// placeLook reads a log from a place on until it is known whether it is the one that was read.
type placeLook struct {
	*history
	at       position // that is looked for; it gets the proof
	from     binlogPlace
	fileOnly bool // only the file is looked at
	begun    bool // the file's head has come
}

// event takes in what the log gives, and reports whether it is enough.
func (l *placeLook) event(kind replication.EventType, raw []byte) (bool, error) {
	switch {
	case kind == replication.ROTATE_EVENT && !l.begun: // names the file
		return false, nil
	case kind == replication.FORMAT_DESCRIPTION_EVENT && !l.begun:
		l.begun = true
		created := eventTime(raw)
		if l.at.trace.created != 0 && l.at.trace.created != created {
			return true, l.foreign(fmt.Errorf("the server's %s was begun at %s, the one that was read at %s: its log began anew",
				l.from.file, seconds(created), seconds(l.at.trace.created)))
		}
		l.at.trace.created = created
		return l.fileOnly || l.from.pos <= logHead, nil
	case kind == replication.ROTATE_EVENT, kind == replication.FORMAT_DESCRIPTION_EVENT, // of the next file
		kind == replication.HEARTBEAT_EVENT, kind == replication.HEARTBEAT_LOG_EVENT_V2:
		if l.at.trace.start == 0 {
			return true, nil
		}
		return true, l.foreign(fmt.Errorf("the server's %s has nothing after %d any more: it lost its end", l.from.file, l.from.pos))
	case placeless(raw):
		return false, nil
	}
	return true, l.fits(raw)
}

// placeless reports whether an event was made for the reader, and stands in no file. Most have a flag that
// says so, but not those that MariaDB sends in place of the one that says how the file is encrypted.
func placeless(raw []byte) bool {
	flags, end := binary.LittleEndian.Uint16(raw[17:]), binary.LittleEndian.Uint32(raw[13:])
	return flags&replication.LOG_EVENT_ARTIFICIAL_F != 0 ||
		end == 0 && (flags&replication.LOG_EVENT_IGNORABLE_F != 0 || replication.EventType(raw[4]) == replication.MARIADB_START_ENCRYPTION_EVENT)
}

// fits compares the first event that the log gives with what is known of it.
func (l *placeLook) fits(raw []byte) error {
	end := uint64(binary.LittleEndian.Uint32(raw[13:]))
	if l.at.trace.start > 0 {
		ends := end == l.at.place.pos&math.MaxUint32 || end == 0 && spans(l.from.pos, l.at.place.pos, raw)
		if !ends || eventTime(raw) != l.at.trace.time {
			return l.foreign(fmt.Errorf("what the server's log holds before %s:%d is not what was read there: it went another way", l.at.place.file, l.at.place.pos))
		}
		return nil
	}
	if end != 0 && !spans(l.from.pos, end, raw) {
		return l.foreign(fmt.Errorf("no event of the server's log begins at %s:%d: it began anew", l.from.file, l.from.pos))
	}
	return nil
}

func seconds(t uint32) string { return time.Unix(int64(t), 0).UTC().Format(time.RFC3339) }
