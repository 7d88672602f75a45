package replicate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/meepo-replicate/meepo/mappings"
	"github.com/meepo-replicate/meepo/source"
)

func docOf(n int) mappings.DocKey {
	return mappings.DocKey{Plan: mappings.PlanID(fmt.Sprint("p", n%2)), Key: source.Key(fmt.Sprint(n))}
}

func limitOf(n int) func(mappings.PlanID) int { return func(mappings.PlanID) int { return n } }

// lanesModel says in the plainest way what lanes must do: per document, what waits and what flies.
type lanesModel struct {
	t       *testing.T
	lanes   *lanes
	rnd     *rand.Rand
	fence   int
	docs    map[mappings.DocKey]*modelDoc
	flights [][]*entry
	chunks  []*modelChunk
	tokens  []*token
	holds   map[*token]int
}

type modelDoc struct {
	flying                      bool
	tokens, again               []*token
	proof, againProof, againDel bool
}

type modelChunk struct {
	chunk *chunk
	stale map[source.Key]bool // events, and ends of flights, since it was opened
}

func (m *lanesModel) add() {
	key, proof := docOf(m.rnd.IntN(8)), m.rnd.IntN(2) == 0
	var tok *token
	if len(m.tokens) > 0 && m.rnd.IntN(2) == 0 {
		tok = m.tokens[m.rnd.IntN(len(m.tokens))]
	}
	if tok == nil || m.holds[tok] == 0 {
		tok = newToken()
		m.tokens, m.holds[tok] = append(m.tokens, tok), 1
	}
	if err := m.lanes.add(m.t.Context(), key, tok, proof); err != nil {
		m.t.Fatal(err)
	}
	m.holds[tok]++
	m.touch(key)
	d := m.docs[key]
	switch {
	case d == nil:
		m.docs[key] = &modelDoc{tokens: []*token{tok}, proof: proof}
	case d.flying:
		d.again, d.againProof, d.againDel = append(d.again, tok), proof, d.againDel || proof
	default:
		d.tokens, d.proof = append(d.tokens, tok), proof
	}
}

func (m *lanesModel) touch(key mappings.DocKey) {
	for _, c := range m.chunks {
		if c.chunk.plan == key.Plan {
			c.stale[key.Key] = true
		}
	}
}

func (m *lanesModel) waiting() int {
	n := 0
	for _, d := range m.docs {
		if !d.flying {
			n++
		}
	}
	return n
}

func (m *lanesModel) take() {
	if m.waiting() == 0 {
		return
	}
	limit := 1 + m.rnd.IntN(3)
	entries, fence, err := m.lanes.take(m.t.Context(), limitOf(limit))
	if err != nil || len(entries) == 0 || len(entries) > limit {
		m.t.Fatalf("take of %d: %d documents, %v", limit, len(entries), err)
	}
	if fence != source.Fence(fmt.Sprint(m.fence)) {
		m.t.Fatalf("take: fence %s, want %d", fence, m.fence)
	}
	for _, e := range entries {
		d := m.docs[e.key]
		if d == nil || d.flying || e.key.Plan != entries[0].key.Plan {
			m.t.Fatalf("take: %v is in flight already, unknown or of another plan", e.key)
		}
		if e.now.proof != d.proof {
			m.t.Fatalf("take: %v has proof %v, want %v: the newest event decides", e.key, e.now.proof, d.proof)
		}
		d.flying = true
	}
	m.flights = append(m.flights, entries)
}

func (m *lanesModel) finish() {
	if len(m.flights) == 0 {
		return
	}
	i := m.rnd.IntN(len(m.flights))
	flight := m.flights[i]
	m.flights = slices.Delete(m.flights, i, i+1)
	redo := map[*entry]bool{}
	for _, e := range flight {
		d := m.docs[e.key]
		if got := m.lanes.explained(e); got != d.againDel {
			m.t.Fatalf("explained(%v) = %v", e.key, got)
		}
		if m.rnd.IntN(4) == 0 {
			redo[e] = true
		}
	}
	m.lanes.finish(flight, redo)
	for _, e := range flight {
		d := m.docs[e.key]
		switch {
		case redo[e]:
			if len(d.again) > 0 {
				d.proof = d.againProof
			}
			*d = modelDoc{tokens: append(d.tokens, d.again...), proof: d.proof}
			continue
		case len(d.again) > 0:
			m.release(d.tokens)
			*d = modelDoc{tokens: d.again, proof: d.againProof}
		default:
			m.release(d.tokens)
			delete(m.docs, e.key)
		}
		m.touch(e.key)
	}
}

func (m *lanesModel) release(tokens []*token) {
	for _, tok := range tokens {
		m.holds[tok]--
	}
}

func (m *lanesModel) open() {
	plan := docOf(m.rnd.IntN(2)).Plan
	c, fence := m.lanes.openChunk(plan)
	if fence != source.Fence(fmt.Sprint(m.fence)) {
		m.t.Fatalf("openChunk: fence %s, want %d", fence, m.fence)
	}
	m.holds[c.token] = 1
	m.chunks = append(m.chunks, &modelChunk{chunk: c, stale: map[source.Key]bool{}})
}

func (m *lanesModel) claim() {
	if len(m.chunks) == 0 {
		return
	}
	i := m.rnd.IntN(len(m.chunks))
	c := m.chunks[i]
	m.chunks = slices.Delete(m.chunks, i, i+1)
	var keys []source.Key
	for n := range 8 {
		if k := docOf(n); k.Plan == c.chunk.plan && m.rnd.IntN(2) == 0 {
			keys = append(keys, k.Key)
		}
	}
	var flight []*entry
	for i, e := range m.lanes.claim(c.chunk, keys) {
		key := mappings.DocKey{Plan: c.chunk.plan, Key: keys[i]}
		superseded := c.stale[keys[i]] || m.docs[key] != nil
		if (e == nil) != superseded {
			m.t.Fatalf("claim of %v: %v, superseded %v", key, e, superseded)
		}
		if e != nil {
			m.docs[key] = &modelDoc{flying: true, tokens: []*token{c.chunk.token}}
			m.holds[c.chunk.token]++
			flight = append(flight, e)
		}
	}
	if len(flight) > 0 {
		m.flights = append(m.flights, flight)
	}
	m.lanes.closeChunk(c.chunk)
	m.tokens = append(m.tokens, c.chunk.token) // its maker holds it until here
}

func (m *lanesModel) let() {
	if len(m.tokens) == 0 {
		return
	}
	i := m.rnd.IntN(len(m.tokens))
	tok := m.tokens[i]
	m.tokens = slices.Delete(m.tokens, i, i+1)
	m.lanes.releaseToken(tok)
	m.holds[tok]--
}

func (m *lanesModel) check() {
	for tok, holds := range m.holds {
		if tok.isDone() != (holds == 0) {
			m.t.Fatalf("token with %d holds: done is %v", holds, tok.isDone())
		}
	}
	holds := 0
	for _, d := range m.docs {
		holds += len(d.tokens) + len(d.again)
	}
	if m.lanes.holds != holds {
		m.t.Fatalf("%d holds, want %d", m.lanes.holds, holds)
	}
	if m.lanes.waiting != m.waiting() || len(m.lanes.entries) != len(m.docs) {
		m.t.Fatalf("%d of %d documents wait, want %d of %d", m.lanes.waiting, len(m.lanes.entries), m.waiting(), len(m.docs))
	}
}

// TestLanes_Model does everything in random order and compares with the model: no document flies
// twice, none is lost, proof is that of the newest event, superseded rows are not claimed, and a
// token is done exactly when all that it waits for is.
func TestLanes_Model(t *testing.T) {
	for seed := range uint64(300) {
		m := &lanesModel{t: t, lanes: newLanes(1000, "0"), rnd: rand.New(rand.NewPCG(seed, 2)),
			docs: map[mappings.DocKey]*modelDoc{}, holds: map[*token]int{}}
		for range 200 {
			switch m.rnd.IntN(10) {
			case 0, 1, 2:
				m.add()
			case 3, 4:
				m.take()
			case 5:
				m.finish()
			case 6:
				m.open()
			case 7:
				m.claim()
			case 8:
				m.let()
			case 9:
				m.fence++
				m.lanes.setFence(source.Fence(fmt.Sprint(m.fence)))
				m.lanes.setFence("") // a batch without one asks for nothing new
			}
			m.check()
		}
		for len(m.docs) > 0 || len(m.tokens) > 0 || len(m.chunks) > 0 {
			m.take()
			m.finish()
			m.claim()
			m.let()
		}
		m.check()
		for tok := range maps.Keys(m.holds) {
			if !tok.isDone() {
				t.Fatalf("seed %d: a token is lost", seed)
			}
		}
		m.lanes.close()
		if entries, _, err := m.lanes.take(t.Context(), limitOf(1)); err != nil || entries != nil {
			t.Fatalf("take after close: %v, %v", entries, err)
		}
	}
}
