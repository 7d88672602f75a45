package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meepo-replicate/meepo/targets"
)

// maxReadMarked is how many documents are read at a time to be marked. Each may be large.
const maxReadMarked = 100

// addMark adds a MarkDeleted to the next request: the stored document with the mark in it, one that has a mark as it is, and a
// deletion where there is none. So the server knows the op's version in each case, and refuses an earlier write that lands late. False:
// the op has none, or has failed.
//
// The server has no update with a version of ours, so the document is read and written back. Whoever wrote it meanwhile with a
// higher version keeps it: ours is a conflict then. One with a lower version can only be a request of before that lands late, and the
// row that it speaks of is gone.
func (w *writing) addMark(ctx context.Context, b *bulk, index int) (bool, error) {
	if index >= w.markedTo {
		if err := w.readMarked(ctx, index); err != nil {
			return false, fmt.Errorf("read what is to be marked: %w", err)
		}
	}
	doc, ok := w.withMarks[index]
	delete(w.withMarks, index)
	switch {
	case !ok:
		return false, nil
	case doc == nil:
		b.addDelete(index, &w.ops[index])
	default:
		b.addMarked(index, &w.ops[index], doc)
	}
	return true, nil
}

// readMarked reads the documents of the next marks, from an op on.
func (w *writing) readMarked(ctx context.Context, from int) error {
	w.withMarks = map[int][]byte{}
	var asked []docRef
	var indexes []int
	for w.markedTo = from; w.markedTo < len(w.ops) && len(asked) < maxReadMarked; w.markedTo++ {
		op := &w.ops[w.markedTo]
		if op.Verb == targets.MarkDeleted && checkID(op.ID) == nil { // else there never was such a document
			asked = append(asked, docRef{op.Dest.Name, op.ID, op.Routing})
			indexes = append(indexes, w.markedTo)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	found, err := w.target.getDocs(ctx, asked)
	if err != nil {
		return err
	}
	for i, got := range found {
		w.mark(indexes[i], got)
	}
	return nil
}

// mark decides what becomes of one op.
func (w *writing) mark(index int, got gotDoc) {
	op := &w.ops[index]
	switch {
	case got.Error != nil && isLost(got.Error.Type):
		w.fail(index, targets.Lost, got.Error.serverText())
	case got.Error != nil:
		w.fail(index, targets.Retryable, got.Error.serverText())
	case got.Found:
		doc, err := withMark(op, got.Source)
		if err != nil {
			w.fail(index, targets.Rejected, err.Error())
		} else {
			w.withMarks[index] = doc
		}
	default:
		w.withMarks[index] = nil
	}
}

// withMark returns a document with the mark of an op, or with the one that it has.
func withMark(op *targets.Op, doc []byte) ([]byte, error) {
	field, err := op.MarkField()
	if err != nil {
		return nil, err
	}
	if len(doc) == 0 {
		return nil, errors.New("the index keeps no documents (_source), so that none can be marked")
	}
	value, err := appendValue(nil, &field, op.Doc[0])
	if err != nil {
		return nil, fmt.Errorf("field %s: %w", field.Name, err)
	}
	return setMember(doc, strings.Split(field.Name, "."), value)
}

// setMember returns an object with a value in the place of a null, or of a member that is not there. Another value stays, and so does
// all else, to the byte.
func setMember(object []byte, path []string, value []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("the document has no object where %s is to be", path[0])
	}
	inside := int(decoder.InputOffset())
	empty := !decoder.More()
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("read the document: %w", err)
		}
		var member json.RawMessage
		if err := decoder.Decode(&member); err != nil {
			return nil, fmt.Errorf("read the document: %w", err)
		}
		if name != path[0] {
			continue
		}
		end := int(decoder.InputOffset())
		null := string(member) == "null"
		switch {
		case null:
			value = nested(path[1:], value)
		case len(path) == 1:
			return object, nil
		default:
			if value, err = setMember(member, path[1:], value); err != nil {
				return nil, err
			}
		}
		return slices.Concat(object[:end-len(member)], value, object[end:]), nil
	}
	member := append(appendString(nil, path[0]), ':')
	member = append(member, nested(path[1:], value)...)
	if !empty {
		member = append(member, ',')
	}
	return slices.Concat(object[:inside], member, object[inside:]), nil
}

// nested puts a value into objects within each other.
func nested(path []string, value []byte) []byte {
	var out []byte
	for _, name := range path {
		out = append(appendString(append(out, '{'), name), ':')
	}
	out = append(out, value...)
	return append(out, strings.Repeat("}", len(path))...)
}
