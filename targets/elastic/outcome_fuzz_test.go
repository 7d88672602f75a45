package elastic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/targets"
)

// answers stands in the place of the network: it gives the first bulk request one answer and all
// others another, and remembers what each said of the operations in it.
type answers struct {
	t       *testing.T
	bulk    [2]string
	status  [2]int
	docs    string // of requests for documents
	sent    int
	durable map[string]bool // by id: an answer said so
}

// RoundTrip implements http.RoundTripper.
func (a *answers) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, status := a.docs, http.StatusOK
	if strings.HasSuffix(req.URL.Path, "/_bulk") {
		answer, status = a.bulk[min(a.sent, 1)], a.status[min(a.sent, 1)]
		a.sent++
		a.note(req.Body, answer, status)
	}
	if req.Body != nil {
		req.Body.Close()
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer)), Request: req}, nil
}

// note reads a request and its answer.
func (a *answers) note(body io.Reader, answer string, status int) {
	text, err := io.ReadAll(body)
	if err != nil {
		a.t.Fatal(err)
	}
	var actions, ids, dests []string
	for line := range strings.Lines(string(text)) {
		var content map[string]struct {
			Index string `json:"_index"`
			ID    string `json:"_id"`
		}
		if json.Unmarshal([]byte(line), &content) != nil || len(content) != 1 {
			continue // a document: its fields are no objects
		}
		for does, of := range content {
			if of.ID != "" {
				actions, ids, dests = append(actions, does), append(ids, of.ID), append(dests, of.Index)
			}
		}
	}
	if status/100 != 2 {
		return
	}
	for i, durable := range saidDurable(answer, actions, dests) {
		a.durable[ids[i]] = a.durable[ids[i]] || durable
	}
}

// member is a member of an object, of which package json would keep the last of a name.
type member struct {
	name  string
	value any
}

// readJSON reads a value: objects are []member.
func readJSON(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := []member{}
		for decoder.More() {
			name, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			value, err := readJSON(decoder)
			if err != nil {
				return nil, err
			}
			object = append(object, member{name.(string), value})
		}
		_, err = decoder.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			value, err := readJSON(decoder)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = decoder.Token()
		return list, err
	}
	return token, nil
}

// the returns the value of the one member of a name. False: there are several, or none.
func the(object any, name string) (any, bool) {
	members, _ := object.([]member)
	var found []any
	for _, m := range members {
		if m.name == name {
			found = append(found, m.value)
		}
	}
	if len(found) != 1 {
		return nil, false
	}
	return found[0], true
}

// saidDurable reads an answer in the plainest way: which operations does it say are done?
func saidDurable(answer string, actions, dests []string) []bool {
	durable := make([]bool, len(actions))
	if !json.Valid([]byte(answer)) {
		return durable
	}
	decoder := json.NewDecoder(strings.NewReader(answer))
	decoder.UseNumber()
	root, err := readJSON(decoder)
	if err != nil {
		return durable
	}
	list, _ := the(root, "items")
	items, _ := list.([]any)
	if len(items) != len(actions) {
		return durable
	}
	for i, item := range items {
		outcome, ok := the(item, actions[i])
		members, _ := item.([]member)
		status, one := the(outcome, "status")
		if !ok || len(members) != 1 || !one {
			return make([]bool, len(actions))
		}
		failure, _ := the(outcome, "error")
		of, _ := outcome.([]member)
		for _, m := range of {
			if m.name == "error" && m.value != nil {
				failure = m.value
			}
		}
		code := fmt.Sprint(status)
		durable[i] = failure == nil && len(code) == 3 && code[0] == '2'
		if actions[i] == "delete" {
			from, _ := the(outcome, "_index")
			name, _ := from.(string)
			durable[i] = (durable[i] || failure == nil && code == "404") && name != "" && name != dests[i]
		}
	}
	return durable
}

// FuzzBulkOutcomes: whatever bytes a server answers with, Write gives each op exactly one outcome, and
// calls none durable that no answer said is, nor one not durable that an answer said is.
func FuzzBulkOutcomes(f *testing.F) {
	target, err := Open(f.Context(), Config{URLs: []string{"http://none.invalid"}})
	if err != nil {
		f.Fatal(err)
	}
	target.client.http.RetryMax = 0
	server := &answers{}
	target.client.transport.base.RegisterProtocol("http", server)
	dests := []*targets.Destination{{Name: "d", Fields: []targets.Field{{Name: "a", Kind: targets.KindInt}}}, {Name: "e"}}
	codes := []int{200, 201, 400, 413, 429, 503, 500, 404, 403, 401, 302, 204, 200, 200, 200, 200}
	f.Fuzz(func(t *testing.T, count, verbs, into, status uint8, first, second, docs string) {
		*server = answers{t: t, bulk: [2]string{first, second}, docs: docs, durable: map[string]bool{},
			status: [2]int{codes[status%16], codes[status/16]}}
		var ops []targets.Op
		for i := range 1 + int(count%4) {
			op := targets.Op{Verb: targets.Upsert, Dest: dests[into>>i&1], ID: targets.ID(fmt.Sprint("id", i)), Version: 7}
			if verbs>>i&1 == 1 {
				op.Verb = targets.Delete
			} else {
				op.Doc = make([]any, len(op.Dest.Fields))
			}
			ops = append(ops, op)
		}
		err := target.Write(t.Context(), ops)
		var partial *targets.PartialError
		if err != nil && !errors.As(err, &partial) {
			return // nothing is known
		}
		failed := map[int]bool{}
		if partial != nil {
			for _, item := range partial.Items {
				if failed[item.Index] || item.Index < 0 || item.Index >= len(ops) || item.Reason == "" || item.Class < targets.Retryable || item.Class > targets.Lost {
					t.Errorf("outcome %+v of %d ops", item, len(ops))
				}
				failed[item.Index] = true
			}
			if len(failed) == 0 {
				t.Error("a partial error without items")
			}
		}
		for i, op := range ops {
			if durable := server.durable[string(op.ID)]; durable == failed[i] {
				t.Errorf("op %d, %s: said to be durable %v, failed %v, in\n%d %q\n%d %q", i, op.Verb, durable, failed[i], server.status[0], first, server.status[1], second)
			}
		}
	})
}

// FuzzClassify: an outcome has a class or is a success, and its reason is of bounded length.
func FuzzClassify(f *testing.F) {
	f.Add(`{"errors":false,"items":[{"index":{"status":201}}]}`)
	f.Add(`{"errors":true,"items":[{"index":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"current version [5]"}}}]}`)
	f.Add(`{"items":[{"index":{"status":400,"error":{"type":"x","reason":"a [b] c","caused_by":{"type":"y","reason":null}}}}]}`)
	f.Add(`{"items":[{"index":{"status":200,"error":"text"}}]}`)
	f.Fuzz(func(t *testing.T, answer string) {
		for verb, does := range map[targets.Verb]action{targets.Upsert: actionIndex, targets.Delete: actionDelete} {
			named := bytes.Replace([]byte(answer), []byte(`{"index":`), []byte(`{"`+string(does)+`":`), 1)
			items, err := parseBulk(named, []action{does})
			if err != nil {
				continue
			}
			got := classify(&targets.Op{Verb: verb, Dest: &targets.Destination{Name: "d"}, ID: "1", Version: 1}, does, items[0])
			fine := items[0].Status/100 == 2 || verb == targets.Delete && items[0].Status == http.StatusNotFound
			if got.Class == 0 && (!fine || items[0].Error != nil) {
				t.Errorf("durable: %+v", items[0])
			}
			if got.Class > targets.Lost || got.Class != 0 && got.Reason == "" || got.Stored < 0 || len(got.Reason) > maxReason+len("…")+4 {
				t.Errorf("outcome %+v of %+v", got, items[0])
			}
		}
	})
}
