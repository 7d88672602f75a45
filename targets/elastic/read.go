package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

// maxReadIDs is how many documents are asked for in one request.
const maxReadIDs = 500

// ReadDocs reads documents with what was written last, searchable or not.
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
	body := []byte(`{"ids":[`)
	for n, i := range at {
		if n > 0 {
			body = append(body, ',')
		}
		body = appendString(body, string(docs[i].ID))
	}
	body = append(body, "]}"...)
	var answer struct {
		Docs []struct {
			ID      string          `json:"_id"`
			Found   bool            `json:"found"`
			Version int64           `json:"_version"`
			Source  json.RawMessage `json:"_source"`
			Error   *itemCause      `json:"error"`
		} `json:"docs"`
	}
	if err := t.client.do(ctx, esapi.MgetRequest{Index: dest, Body: bytes.NewReader(body)}, &answer); err != nil {
		return err
	}
	if len(answer.Docs) != len(at) {
		return fmt.Errorf("answer has %d documents for %d ids", len(answer.Docs), len(at))
	}
	for n, i := range at {
		got := answer.Docs[n]
		switch {
		case got.Error != nil:
			return fmt.Errorf("document %q: %s", docs[i].ID, got.Error.serverText())
		case got.ID != string(docs[i].ID):
			return fmt.Errorf("answer has document %q in the place of %q", got.ID, docs[i].ID)
		case got.Found:
			docs[i].Found, docs[i].Version, docs[i].Body = true, got.Version, got.Source
		}
	}
	return nil
}
