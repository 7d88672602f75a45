package elastic

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

// maxIDBytes is the longest id that Elasticsearch takes.
const maxIDBytes = 512

// guardID is the id of the document that a guard pretends to update.
const guardID = "meepo-requires-the-alias"

// line is one operation in the body of a bulk request.
type line struct {
	op       int // index of the op, -1 for a guard
	does     action
	from, to int // its bytes in the body
}

// actionsOf names the operations of lines.
func actionsOf(lines []line) []action {
	actions := make([]action, len(lines))
	for i, l := range lines {
		actions[i] = l.does
	}
	return actions
}

// bulk is the body of a bulk request that grows.
type bulk struct {
	body    []byte
	lines   []line
	layouts map[*targets.Destination]*layout
}

func (b *bulk) reset() { b.body, b.lines = b.body[:0], b.lines[:0] }

// add appends an op. An error says why it can never be stored; then nothing was appended.
func (b *bulk) add(index int, op *targets.Op) error {
	if err := checkID(op.ID); err != nil {
		return err
	}
	from := len(b.body)
	switch op.Verb {
	case targets.Upsert:
		l := b.layouts[op.Dest]
		if l == nil {
			l = newLayout(op.Dest)
			b.layouts[op.Dest] = l
		}
		b.body = appendAction(b.body, actionIndex, op, l.pipeline)
		var err error
		if b.body, err = l.appendDoc(b.body, op.Doc); err != nil {
			b.body = b.body[:from]
			return err
		}
		b.body = append(b.body, '\n')
		b.end(index, actionIndex, from)
	case targets.Delete:
		b.addDelete(index, op)
	default:
		return fmt.Errorf("verb %d is none that a target knows", op.Verb)
	}
	return nil
}

// addDelete appends a deletion, which leaves the op's version behind whether or not there is a document.
func (b *bulk) addDelete(index int, op *targets.Op) {
	from := len(b.body)
	b.body = appendAction(b.body, actionDelete, op, "")
	b.end(index, actionDelete, from)
}

// end notes the operation that has been appended.
func (b *bulk) end(index int, does action, from int) {
	b.lines = append(b.lines, line{op: index, does: does, from: from, to: len(b.body)})
}

// addMarked appends a MarkDeleted with its document.
func (b *bulk) addMarked(index int, op *targets.Op, doc []byte) {
	from := len(b.body)
	b.body = appendAction(b.body, actionIndex, op, "_none") // the document has been through its pipeline
	b.body = append(oneLine(append(b.body, doc...), len(b.body)), '\n')
	b.end(index, actionIndex, from)
}

func checkID(id targets.ID) error {
	switch {
	case id == "":
		return fmt.Errorf("the id is empty")
	case len(id) > maxIDBytes:
		return fmt.Errorf("the id has %d bytes, Elasticsearch takes %d", len(id), maxIDBytes)
	case !utf8.ValidString(string(id)):
		return fmt.Errorf("the id is not valid UTF-8")
	}
	return nil
}

func appendAction(dst []byte, does action, op *targets.Op, pipeline string) []byte {
	dst = append(append(append(dst, `{"`...), does...), `":{"_index":`...)
	dst = appendString(dst, op.Dest.Name)
	dst = append(dst, `,"_id":`...)
	dst = appendString(dst, string(op.ID))
	if op.Routing != "" {
		dst = append(dst, `,"routing":`...)
		dst = appendString(dst, op.Routing)
	}
	dst = append(dst, `,"version":`...)
	dst = strconv.AppendInt(dst, op.Version, 10)
	dst = append(dst, `,"version_type":"external"`...)
	if does != actionDelete {
		dst = append(dst, `,"require_alias":true`...)
	}
	if pipeline != "" {
		dst = appendString(append(dst, `,"pipeline":`...), pipeline)
	}
	return append(dst, "}}\n"...)
}

// guarded returns the body and the lines of a part, with a guard before it for each destination
// that it only deletes from (see the package's comment).
func (b *bulk) guarded(ops []targets.Op, part []line) ([]byte, []line) {
	guards := unguarded(ops, part)
	body := b.body[part[0].from:part[len(part)-1].to]
	if len(guards) == 0 {
		return body, part
	}
	var head []byte
	lines := make([]line, 0, len(guards)+len(part))
	for _, dest := range guards {
		head = append(head, `{"update":{"_index":`...)
		head = appendString(head, dest.Name)
		head = append(head, `,"_id":"`+guardID+`","require_alias":true}}`+"\n{\"doc\":{}}\n"...)
		lines = append(lines, line{op: -1, does: actionUpdate})
	}
	return append(head, body...), append(lines, part...)
}

// unguarded returns the destinations that a part deletes from without writing to them.
func unguarded(ops []targets.Op, part []line) []*targets.Destination {
	var last *targets.Destination
	var deleted []*targets.Destination
	written := map[string]bool{}
	for _, l := range part {
		op := &ops[l.op]
		switch {
		case l.does != actionDelete:
			written[op.Dest.Name] = true
		case op.Dest != last:
			last = op.Dest
			deleted = append(deleted, op.Dest)
		}
	}
	var guards []*targets.Destination
	for _, dest := range deleted {
		if !written[dest.Name] {
			written[dest.Name] = true
			guards = append(guards, dest)
		}
	}
	return guards
}

// sendBulk sends a body with the given operations and returns their outcomes in order. The body may be
// used again only if free is true.
func (t *Target) sendBulk(ctx context.Context, body []byte, actions []action) (items []bulkItem, free bool, err error) {
	var open atomic.Int32
	ctx = context.WithValue(ctx, bodyUse{}, &open)
	answer, err := t.client.fetch(ctx, esapi.BulkRequest{
		Body: bytes.NewReader(body),
		// Without the primary shard the server answers busy before our own patience ends.
		Timeout:    max(t.config.Timeout/2, time.Second),
		FilterPath: []string{"errors", "items.*.status", "items.*.error", "items.delete._index"},
	})
	free = open.Load() == 0
	if err != nil {
		return nil, free, err
	}
	items, err = parseBulk(answer, actions)
	return items, free, err
}
