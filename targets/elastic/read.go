package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

// maxReadIDs is how many documents are asked for in one request.
const maxReadIDs = 500

// ReadDocs reads documents with what was written last, searchable or not. Documents that have a routing are searched for by their ids
// after a refresh, in all shards.
func (t *Target) ReadDocs(ctx context.Context, dest string, ids []targets.ID) ([]targets.Doc, error) {
	docs := make([]targets.Doc, len(ids))
	var asked []int // indexes of the ids that can be there at all
	for i, id := range ids {
		docs[i].ID = id
		if checkID(id) == nil {
			asked = append(asked, i)
		}
	}
	for len(asked) > 0 {
		n := min(len(asked), maxReadIDs)
		if err := t.readSome(ctx, dest, docs, asked[:n]); err != nil {
			return nil, fmt.Errorf("read documents of %s: %w", dest, err)
		}
		asked = asked[n:]
	}
	return docs, nil
}

// readSome fills in the documents at the given indexes.
func (t *Target) readSome(ctx context.Context, dest string, docs []targets.Doc, at []int) error {
	asked := make([]docRef, len(at))
	for n, i := range at {
		asked[n] = docRef{dest: dest, id: docs[i].ID}
	}
	get := t.getDocs
	if _, routed := t.routed.Load(dest); routed {
		get = t.searchDocs
	}
	found, err := get(ctx, asked)
	if err != nil {
		return err
	}
	for n, i := range at {
		switch got := found[n]; {
		case got.Error != nil:
			return fmt.Errorf("document %q: %s", docs[i].ID, got.Error.serverText())
		case got.Found:
			docs[i].Found, docs[i].Version, docs[i].Body = true, got.Version, got.Source
		}
	}
	return nil
}

// docRef names a document, with the routing that it was written with.
type docRef struct {
	dest    string
	id      targets.ID
	routing string
}

// gotDoc is what the server says of a document.
type gotDoc struct {
	ID      string          `json:"_id"`
	Found   bool            `json:"found"`
	Version int64           `json:"_version"`
	Source  json.RawMessage `json:"_source"`
	Error   *itemCause      `json:"error"`
}

// getDocs gets documents, in the order in which they are asked for, with what was written last.
func (t *Target) getDocs(ctx context.Context, asked []docRef) ([]gotDoc, error) {
	body := []byte(`{"docs":[`)
	for n, ref := range asked {
		if n > 0 {
			body = append(body, ',')
		}
		body = appendString(append(body, `{"_index":`...), ref.dest)
		body = appendString(append(body, `,"_id":`...), string(ref.id))
		if ref.routing != "" {
			body = appendString(append(body, `,"routing":`...), ref.routing)
		}
		body = append(body, '}')
	}
	body = append(body, "]}"...)
	var answer struct {
		Docs []gotDoc `json:"docs"`
	}
	if err := t.client.do(ctx, esapi.MgetRequest{Body: bytes.NewReader(body)}, &answer); err != nil {
		return nil, err
	}
	if len(answer.Docs) != len(asked) {
		return nil, fmt.Errorf("answer has %d documents for %d ids", len(answer.Docs), len(asked))
	}
	for n, ref := range asked {
		if got := answer.Docs[n]; got.Error == nil && got.ID != string(ref.id) {
			return nil, fmt.Errorf("answer has document %q in the place of %q", got.ID, ref.id)
		}
	}
	return answer.Docs, nil
}

// searchDocs is as getDocs for documents of one destination, whatever their routing.
func (t *Target) searchDocs(ctx context.Context, asked []docRef) ([]gotDoc, error) {
	dest := asked[0].dest
	if err := t.refresh(ctx, dest); err != nil {
		return nil, err
	}
	found, at := make([]gotDoc, len(asked)), make(map[string]int, len(asked))
	ids := make([]string, len(asked))
	for i, ref := range asked {
		ids[i] = string(ref.id)
		at[ids[i]] = i
	}
	body, err := jsonBody(property{"size": len(ids), "version": true, "track_total_hits": false, "query": property{"ids": property{"values": ids}}})
	if err != nil {
		return nil, err
	}
	var answer struct {
		TimedOut bool         `json:"timed_out"`
		Shards   shardsAnswer `json:"_shards"`
		Hits     struct {
			Hits []gotDoc `json:"hits"`
		} `json:"hits"`
	}
	partial := false
	if err := t.client.do(ctx, esapi.SearchRequest{Index: []string{dest}, Body: body, AllowPartialSearchResults: &partial}, &answer); err != nil {
		return nil, err
	}
	if err := answer.Shards.err(); err != nil {
		return nil, err
	}
	if answer.TimedOut {
		return nil, errors.New("search timed out")
	}
	for _, got := range answer.Hits.Hits {
		if i, ok := at[got.ID]; ok {
			got.Found = true
			found[i] = got
		}
	}
	return found, nil
}
