package elastic

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"
	"github.com/hashicorp/go-retryablehttp"

	"github.com/meepo-replicate/meepo/targets"
)

// A request is tried again for a few seconds and then left to the caller, who repeats it with the
// rest of the work in view.
const (
	retries      = 4
	shortestWait = 200 * time.Millisecond
	longestWait  = 4 * time.Second
)

// client sends the requests that esapi builds. It implements esapi.Transport.
type client struct {
	config    Config
	transport *nodesTransport
	http      *retryablehttp.Client
	once      *http.Client // the same without retries
}

func newClient(config Config) (*client, error) {
	transport, err := newNodesTransport(config)
	if err != nil {
		return nil, err
	}
	c := &client{config: config, transport: transport}
	c.once = &http.Client{
		Transport:     transport,
		Timeout:       config.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.http = &retryablehttp.Client{
		HTTPClient:   c.once,
		RetryWaitMin: shortestWait,
		RetryWaitMax: longestWait,
		RetryMax:     retries,
		CheckRetry:   c.checkRetry,
		Backoff:      backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	return c, nil
}

// single marks the context of a request that must be sent once only.
type single struct{}

// bodyUse marks the context of a request whose body is used again after it. Its value, an
// *atomic.Int32, counts the readers of the body that are still open: net/http may go on reading a
// body after it has returned.
type bodyUse struct{}

type countedBody struct {
	io.ReadCloser
	open *atomic.Int32
	once sync.Once
}

func (b *countedBody) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(func() { b.open.Add(-1) })
	return err
}

// Perform implements esapi.Transport.
func (c *client) Perform(req *http.Request) (*http.Response, error) {
	req.URL.Scheme, req.URL.Host = "http", "node" // nodesTransport puts the real ones
	body, err := c.rewindable(req)
	if err != nil {
		return nil, err
	}
	if req.Context().Value(single{}) != nil {
		return c.once.Do(req)
	}
	// Wrapping the request itself would copy its body; a function opens the one that is there.
	retryable, err := retryablehttp.NewRequestWithContext(req.Context(), req.Method, req.URL.String(), body)
	if err != nil {
		return nil, err
	}
	retryable.Header = req.Header
	retryable.ContentLength = req.ContentLength
	return c.http.Do(retryable)
}

// rewindable returns what opens the request's body again for each attempt, nil if it has none.
func (c *client) rewindable(req *http.Request) (any, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	if req.GetBody == nil {
		return nil, fmt.Errorf("%s %s: the body cannot be sent twice", req.Method, req.URL.Path)
	}
	if c.config.Compress {
		if err := compress(req); err != nil {
			return nil, err
		}
	}
	open, _ := req.Context().Value(bodyUse{}).(*atomic.Int32)
	return retryablehttp.ReaderFunc(func() (io.Reader, error) {
		body, err := req.GetBody()
		if err != nil || open == nil {
			return body, err
		}
		open.Add(1)
		return &countedBody{ReadCloser: body, open: open}, nil
	}), nil
}

func compress(req *http.Request) error {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := io.Copy(writer, req.Body); err != nil {
		return fmt.Errorf("compress body: %w", err)
	}
	if err := writer.Close(); err != nil {
		return fmt.Errorf("compress body: %w", err)
	}
	content := packed.Bytes()
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	req.Body, _ = req.GetBody()
	req.ContentLength = int64(len(content))
	req.Header.Set("Content-Encoding", "gzip")
	return nil
}

// checkRetry tries again what failed before or instead of an answer, and what the server or a
// proxy could not take at the moment. A timeout is left to the caller: enough time has gone.
func (c *client) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		var credential *credentialError
		again := !isTimeout(err) && !isVerification(err) && !errors.As(err, &credential)
		c.config.Logger.Debug("request failed", "error", withoutURL(err), "again", again)
		return again, nil
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		c.config.Logger.Debug("request refused for now", "status", resp.StatusCode)
		return retryAfter(resp) <= longestWait, nil
	}
	return false, nil
}

// backoff waits as long as the server asks for, or a random time below a limit that doubles.
func backoff(low, high time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		if asked := retryAfter(resp); asked > 0 {
			return asked
		}
	}
	limit := min(high, low<<min(attempt+1, 10))
	return low/2 + rand.N(limit)
}

func retryAfter(resp *http.Response) time.Duration {
	text := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// statusError is an answer that is not a success.
type statusError struct {
	Status     int
	Type       string // "index_not_found_exception"
	Reason     string
	Cause      string // the reason of what caused it in the end
	RetryAfter time.Duration
}

func (e *statusError) Error() string {
	if e.Type == "" {
		return fmt.Sprintf("status %d", e.Status)
	}
	return fmt.Sprintf("status %d, %s: %s", e.Status, e.Type, e.Reason)
}

func hasStatus(err error, status int) bool {
	var answer *statusError
	return errors.As(err, &answer) && answer.Status == status
}

// do sends a request and decodes a successful answer into out, unless that is nil.
func (c *client) do(ctx context.Context, request esapi.Request, out any) error {
	body, err := c.fetch(ctx, request)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}

// fetch sends a request and returns the body of a successful answer.
func (c *client) fetch(ctx context.Context, request esapi.Request) ([]byte, error) {
	resp, err := request.Do(ctx, c)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, connectionError(err)
	}
	defer resp.Body.Close()
	var content bytes.Buffer
	if length, err := strconv.Atoi(resp.Header.Get("Content-Length")); err == nil && length > 0 && length < 1<<28 {
		content.Grow(length + bytes.MinRead)
	}
	if _, err := content.ReadFrom(resp.Body); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return content.Bytes(), nil
	}
	return nil, answerError(resp, content.Bytes())
}

func answerError(resp *esapi.Response, body []byte) error {
	answer := &statusError{Status: resp.StatusCode, RetryAfter: retryAfter(&http.Response{Header: resp.Header})}
	var content struct{ Error json.RawMessage }
	if json.Unmarshal(body, &content) == nil {
		var detail itemCause
		if json.Unmarshal(content.Error, &detail) == nil {
			answer.Type, answer.Reason, answer.Cause = detail.Type, detail.Reason, detail.deepest().Reason
		} else if json.Unmarshal(content.Error, &detail.Reason) == nil {
			answer.Type, answer.Reason = "error", detail.Reason
		}
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return &targets.HintError{Err: fmt.Errorf("%w: %w", targets.ErrDenied, answer), Advice: "check the user and password, or the API key, of the target"}
	case http.StatusForbidden:
		if answer.Type == "cluster_block_exception" {
			return answer
		}
		return &targets.HintError{
			Err:    fmt.Errorf("%w: %w", targets.ErrDenied, answer),
			Advice: "the user or API key needs the cluster privilege monitor and, on the destinations, the index privileges create_index, manage, read and write",
		}
	}
	return answer
}

func connectionError(err error) error {
	err = withoutURL(err)
	var credential *credentialError
	switch {
	case errors.As(err, &credential):
		return err
	case isVerification(err):
		return &targets.HintError{Err: err, Advice: "name the authority that signed the server's certificate (ca_file), or the certificate's fingerprint"}
	case isTimeout(err):
		return err
	}
	return &targets.HintError{Err: err, Advice: "check that Elasticsearch is running there and that the URL (http or https, host, port) is right"}
}

// withoutURL takes off the URL that net/http puts before its errors: it names no real node.
func withoutURL(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		if outer.Timeout() && !isTimeout(outer.Err) {
			return fmt.Errorf("%w: %w", context.DeadlineExceeded, outer.Err)
		}
		return outer.Err
	}
	return err
}
