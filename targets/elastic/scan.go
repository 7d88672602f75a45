package elastic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/meepo-replicate/meepo/targets"
)

var _ targets.Refresher = (*Target)(nil)

const (
	// scanKeep is how long the server keeps a scan between two pages.
	scanKeep = 5 * time.Minute
	// maxPage is the largest page that an index allows unless it is told otherwise.
	maxPage = 10_000
)

// scan is a scan under way: a scroll on the server, and ids that it sent and nobody has yet.
type scan struct {
	dest     string
	scrollID string
	rest     []targets.ID
	used     time.Time
}

// ScanIDs lists ids in no particular order, as of the moment the scan began. It works by scroll,
// which all versions and OpenSearch have. The cursor of each page is good for one call only: the
// server cannot go back, so that a page whose answer is lost costs the scan.
func (t *Target) ScanIDs(ctx context.Context, dest string, after targets.Cursor, limit int) ([]targets.ID, targets.Cursor, error) {
	if limit < 1 {
		return nil, "", fmt.Errorf("scan %s: limit %d", dest, limit)
	}
	if after == "" {
		s, err := t.beginScan(ctx, dest, min(limit, maxPage))
		if err != nil {
			return nil, "", fmt.Errorf("scan %s: %w", dest, err)
		}
		return t.page(ctx, s, limit)
	}
	t.mu.Lock()
	s := t.scans[after]
	delete(t.scans, after)
	t.mu.Unlock()
	if s == nil || s.dest != dest {
		return nil, "", fmt.Errorf("scan %s: %w", dest, targets.ErrCursor)
	}
	if len(s.rest) == 0 {
		if err := t.scroll(ctx, s); err != nil {
			t.clearScroll(ctx, s.scrollID)
			if ctx.Err() != nil {
				return nil, "", ctx.Err()
			}
			return nil, "", fmt.Errorf("scan %s: %w: %w", dest, targets.ErrCursor, err)
		}
	}
	return t.page(ctx, s, limit)
}

// page hands out up to limit ids and keeps the rest for the next call.
func (t *Target) page(ctx context.Context, s *scan, limit int) ([]targets.ID, targets.Cursor, error) {
	if len(s.rest) == 0 {
		t.clearScroll(ctx, s.scrollID)
		return nil, "", nil
	}
	n := min(limit, len(s.rest))
	ids := s.rest[:n:n]
	s.rest = s.rest[n:]
	t.mu.Lock()
	defer t.mu.Unlock()
	for cursor, other := range t.scans {
		if time.Since(other.used) > 2*scanKeep { // nobody went on with it, and the server forgot it
			delete(t.scans, cursor)
		}
	}
	t.drawn++
	cursor := targets.Cursor(fmt.Sprintf("scan-%d", t.drawn))
	s.used = time.Now()
	t.scans[cursor] = s
	return ids, cursor, nil
}

type scrollAnswer struct {
	ScrollID string       `json:"_scroll_id"`
	TimedOut bool         `json:"timed_out"`
	Shards   shardsAnswer `json:"_shards"`
	Hits     struct {
		Hits []struct {
			ID string `json:"_id"`
		} `json:"hits"`
	} `json:"hits"`
}

type shardsAnswer struct {
	Failed   int `json:"failed"`
	Failures []struct {
		Reason itemCause `json:"reason"`
	} `json:"failures"`
}

// err: an answer of some shards only would look like documents that are gone.
func (s shardsAnswer) err() error {
	if s.Failed == 0 {
		return nil
	}
	if len(s.Failures) == 0 {
		return fmt.Errorf("%d shards failed", s.Failed)
	}
	return fmt.Errorf("%d shards failed, the first: %s", s.Failed, s.Failures[0].Reason.serverText())
}

// beginScan makes all writes that returned visible to searches and starts a scroll.
func (t *Target) beginScan(ctx context.Context, dest string, size int) (*scan, error) {
	if err := t.refresh(ctx, dest); hasStatus(err, http.StatusNotFound) {
		return nil, fmt.Errorf("%w: %w", targets.ErrReplaced, err)
	} else if err != nil {
		return nil, err
	}
	partial := false
	var answer scrollAnswer
	err := t.client.do(ctx, esapi.SearchRequest{
		Index:                     []string{dest},
		Scroll:                    scanKeep,
		Size:                      &size,
		Sort:                      []string{"_doc"},
		Source:                    []string{"false"},
		AllowPartialSearchResults: &partial,
		FilterPath:                []string{"_scroll_id", "timed_out", "_shards", "hits.hits._id"},
	}, &answer)
	if err != nil {
		return nil, err
	}
	s := &scan{dest: dest}
	if err := s.take(answer); err != nil {
		t.clearScroll(ctx, s.scrollID)
		return nil, err
	}
	return s, nil
}

// Refresh makes writes visible to searches.
func (t *Target) Refresh(ctx context.Context, dests []string) error {
	for _, dest := range dests {
		if err := t.refresh(ctx, dest); err != nil && !hasStatus(err, http.StatusNotFound) {
			return fmt.Errorf("%s: %w", dest, err)
		}
	}
	return nil
}

func (t *Target) refresh(ctx context.Context, dest string) error {
	var answer struct {
		Shards shardsAnswer `json:"_shards"`
	}
	if err := t.client.do(ctx, esapi.IndicesRefreshRequest{Index: []string{dest}}, &answer); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	if err := answer.Shards.err(); err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	return nil
}

// scroll gets the next page. The request is sent once: sent again it would skip a page.
func (t *Target) scroll(ctx context.Context, s *scan) error {
	body := append([]byte(`{"scroll":"`+fmt.Sprintf("%ds", int(scanKeep.Seconds()))+`","scroll_id":`), appendString(nil, s.scrollID)...)
	var answer scrollAnswer
	err := t.client.do(context.WithValue(ctx, single{}, true), esapi.ScrollRequest{
		Body:       bytes.NewReader(append(body, '}')),
		FilterPath: []string{"_scroll_id", "timed_out", "_shards", "hits.hits._id"},
	}, &answer)
	if err != nil {
		return err
	}
	return s.take(answer)
}

func (s *scan) take(answer scrollAnswer) error {
	if answer.ScrollID == "" {
		return errors.New("answer has no scroll id")
	}
	s.scrollID = answer.ScrollID
	if answer.TimedOut {
		return errors.New("search timed out")
	}
	if err := answer.Shards.err(); err != nil {
		return err
	}
	s.rest = make([]targets.ID, len(answer.Hits.Hits))
	for i, hit := range answer.Hits.Hits {
		s.rest[i] = targets.ID(hit.ID)
	}
	return nil
}

// clearScroll frees a scan on the server. The server does so by itself later, so that a failure
// matters to nobody.
func (t *Target) clearScroll(ctx context.Context, scrollID string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	body := append([]byte(`{"scroll_id":`), appendString(nil, scrollID)...)
	err := t.client.do(context.WithValue(ctx, single{}, true), esapi.ClearScrollRequest{Body: bytes.NewReader(append(body, '}'))}, nil)
	if err != nil {
		t.config.Logger.Debug("scan not ended on the server", "error", err)
	}
}
