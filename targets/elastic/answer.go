package elastic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// action is what a bulk request calls an operation, and its answer the outcome of that.
type action string

const (
	actionIndex  action = "index"
	actionDelete action = "delete"
	actionUpdate action = "update" // a guard
)

// bulkItem is what the answer says of one operation.
type bulkItem struct {
	Index  string // of deletes only
	Status int
	Error  *itemCause
}

// itemCause is an error in the answer, with what caused it.
type itemCause struct {
	Type     string     `json:"type"`
	Reason   string     `json:"reason"`
	CausedBy *itemCause `json:"caused_by"`
}

// deepest is what caused an error in the end.
func (c *itemCause) deepest() *itemCause {
	for c.CausedBy != nil {
		c = c.CausedBy
	}
	return c
}

// parseBulk reads the answer of a bulk request. It is strict, since what is read as a success is never
// looked at again: an answer that does not fit the request in all parts says nothing of any operation.
func parseBulk(answer []byte, actions []action) ([]bulkItem, error) {
	if items, ok := parsePlainBulk(answer, actions); ok {
		return items, nil
	}
	// Names that differ in case only, or come twice, are all one to package json when it fills in a
	// struct: the last of them would count.
	var content map[string]json.RawMessage
	var list []map[string]map[string]json.RawMessage
	if err := json.Unmarshal(answer, &content); err != nil {
		return nil, fmt.Errorf("decode bulk answer: %w", err)
	}
	if !plainJSON(answer) {
		return nil, errors.New("decode bulk answer: it has a member twice")
	}
	if err := json.Unmarshal(content["items"], &list); err != nil {
		return nil, fmt.Errorf("decode bulk answer: items: %w", err)
	}
	if len(list) != len(actions) {
		return nil, fmt.Errorf("bulk answer has %d items for %d operations", len(list), len(actions))
	}
	items := make([]bulkItem, len(list))
	failed := false
	for i, byAction := range list {
		members, ok := byAction[string(actions[i])]
		if !ok || len(byAction) != 1 {
			return nil, fmt.Errorf("item %d of the bulk answer is not of one %s", i, actions[i])
		}
		if err := items[i].decode(members, actions[i]); err != nil {
			return nil, fmt.Errorf("item %d of the bulk answer: %w", i, err)
		}
		failed = failed || items[i].Error != nil || items[i].Status >= http.StatusBadRequest
	}
	if string(content["errors"]) == "true" && !failed {
		return nil, errors.New("the bulk answer says that there are errors and has none")
	}
	return items, nil
}

// decode reads one item.
func (i *bulkItem) decode(members map[string]json.RawMessage, does action) error {
	for name, into := range map[string]any{"status": &i.Status, "error": &i.Error, "_index": &i.Index} {
		if text, ok := members[name]; ok {
			if err := json.Unmarshal(text, into); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return i.check(does)
}

// check refuses what is no outcome.
func (i *bulkItem) check(does action) error {
	switch {
	case i.Status < http.StatusOK || i.Status > 599:
		return fmt.Errorf("status %d", i.Status)
	case does == actionDelete && i.Index == "" && i.Error == nil && (i.Status < 300 || i.Status == http.StatusNotFound):
		return errors.New("a delete that does not say from which index") // it may be another's
	}
	return nil
}

// parsePlainBulk reads the answer that nearly every request gets, one without errors and with just
// the members that were asked for, ten times as fast as package json. False: it is another.
func parsePlainBulk(answer []byte, actions []action) ([]bulkItem, bool) {
	rest, ok := bytes.CutPrefix(answer, []byte(`{"errors":false,"items":[`))
	if !ok || len(answer) < len(actions)*len(`{"index":{"status":200}}`) {
		return nil, false
	}
	items := make([]bulkItem, len(actions))
	index := "" // of the delete before: usually the same
	for i := range items {
		if i > 0 {
			if rest, ok = bytes.CutPrefix(rest, []byte(",")); !ok {
				return nil, false
			}
		}
		switch actions[i] {
		case actionIndex:
			rest, ok = bytes.CutPrefix(rest, []byte(`{"index":{"status":`))
		case actionDelete:
			var name []byte
			if name, rest, ok = cutIndex(rest); index != string(name) {
				index = string(name)
			}
			items[i].Index = index
		default:
			ok = false
		}
		if !ok || len(rest) < 5 || string(rest[3:5]) != "}}" {
			return nil, false
		}
		status, err := strconv.Atoi(string(rest[:3]))
		items[i].Status = status
		if err != nil || items[i].check(actions[i]) != nil {
			return nil, false
		}
		rest = rest[5:]
	}
	return items, string(bytes.TrimRight(rest, "\n")) == "]}"
}

// cutIndex cuts the beginning off a delete's item, up to its status.
func cutIndex(rest []byte) (name, after []byte, ok bool) {
	if rest, ok = bytes.CutPrefix(rest, []byte(`{"delete":{"_index":"`)); !ok {
		return nil, nil, false
	}
	name, after, ok = bytes.Cut(rest, []byte(`","status":`))
	if !ok || bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' }) {
		return nil, nil, false
	}
	return name, after, true
}
