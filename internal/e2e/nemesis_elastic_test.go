package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meepo-replicate/meepo/internal/faultproxy"
)

// gateway stands in front of Elasticsearch and does to requests, while it is unwell, what gateways and
// busy servers do.
type gateway struct {
	proxy *faultproxy.HTTP
	late  sync.WaitGroup // requests that were given up and are still to be carried out

	mu     sync.Mutex
	rnd    *rand.Rand
	unwell string // what it does to half of the requests; empty: nothing
	counts map[string]int
}

// The ways in which a gateway is unwell.
const (
	busy        = "answers 429"
	unavailable = "answers 503"
	mute        = "does the work and does not answer" // a timeout, to whoever waits
	tardy       = "gives up, and does the work later"
	choosy      = "refuses part of a bulk request"
)

// startGateway starts a gateway that is well.
func startGateway(t *testing.T, server string, rnd *rand.Rand) *gateway {
	t.Helper()
	g := &gateway{proxy: faultproxy.NewHTTP(t, server), rnd: rnd, counts: map[string]int{}}
	g.proxy.InterceptFunc = g.intercept
	g.proxy.Start()
	t.Cleanup(g.late.Wait)
	return g
}

// be makes the gateway unwell in a way, or well.
func (g *gateway) be(way string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unwell = way
}

// recover makes the gateway well and waits for what it has still to do.
func (g *gateway) recover() {
	g.be("")
	g.late.Wait()
}

// fate is what becomes of a request, with some random numbers for it.
func (g *gateway) fate(r *faultproxy.Request) (way string, rnd *rand.Rand) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.unwell == "" || g.rnd.IntN(2) == 0 {
		return "", nil
	}
	isBulk := strings.HasSuffix(r.Path, "/_bulk")
	isWrite := isBulk || strings.Contains(r.Path, "/_doc/") && r.Method != http.MethodGet
	if g.unwell == choosy && !isBulk || g.unwell == tardy && !isWrite {
		return "", nil
	}
	g.counts[g.unwell]++
	if g.unwell == tardy {
		g.late.Add(1) // while the mutex is held, so that recover waits for it
	}
	return g.unwell, rand.New(rand.NewPCG(g.rnd.Uint64(), 0))
}

func (g *gateway) intercept(w http.ResponseWriter, r *faultproxy.Request) bool {
	way, rnd := g.fate(r)
	switch way {
	case busy:
		after := ""
		if rnd.IntN(4) == 0 {
			after = "1"
		}
		return faultproxy.Refuse(w, http.StatusTooManyRequests, after)
	case unavailable:
		return faultproxy.Refuse(w, http.StatusServiceUnavailable, "")
	case mute:
		g.carryOut(r)
		faultproxy.CutOff(w)
	case tardy:
		delay := time.Duration(rnd.IntN(1500)) * time.Millisecond
		go func() { // recover waits for it
			defer g.late.Done()
			<-time.After(delay)
			g.carryOut(r)
		}()
		faultproxy.CutOff(w)
	case choosy:
		return g.refusePart(w, r, rnd)
	}
	return false
}

// carryOut sends the request to the server; nobody is interested in the answer.
func (g *gateway) carryOut(r *faultproxy.Request) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if answer, err := g.proxy.Forward(ctx, r); err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
}

// refusePart carries out a part of a bulk request, and answers for the rest that the server was busy.
func (g *gateway) refusePart(w http.ResponseWriter, r *faultproxy.Request, rnd *rand.Rand) bool {
	part := &faultproxy.Request{Method: r.Method, URI: r.URI, Header: r.Header.Clone()}
	part.Header.Del("Content-Length")
	var refused []string // by item its action, if it is
	lines := bytes.SplitAfter(r.Body, []byte("\n"))
	for i := 0; i < len(lines); i++ {
		if len(lines[i]) == 0 {
			continue
		}
		var action map[string]json.RawMessage
		if err := json.Unmarshal(lines[i], &action); err != nil || len(action) != 1 {
			return false
		}
		for verb := range action {
			item := lines[i]
			if verb != "delete" {
				i++
				item = append(bytes.Clone(item), lines[i]...)
			}
			if verb != "update" && rnd.IntN(2) == 0 {
				refused = append(refused, verb)
			} else {
				refused = append(refused, "")
				part.Body = append(part.Body, item...)
			}
		}
	}
	var answer struct {
		Items []json.RawMessage `json:"items"`
	}
	if len(part.Body) > 0 {
		got, err := g.proxy.Forward(context.Background(), part)
		if err != nil {
			return faultproxy.Refuse(w, http.StatusServiceUnavailable, "")
		}
		defer got.Body.Close()
		if err := json.NewDecoder(got.Body).Decode(&answer); err != nil || got.StatusCode != http.StatusOK {
			return faultproxy.Refuse(w, http.StatusServiceUnavailable, "")
		}
	}
	var items []string
	for _, verb := range refused {
		if verb != "" {
			items = append(items, `{"`+verb+`":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"rejected execution of primary operation"}}}`)
		} else if len(answer.Items) > 0 {
			items = append(items, string(answer.Items[0]))
			answer.Items = answer.Items[1:]
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"errors":true,"items":[`+strings.Join(items, ",")+`]}`)
	return true
}
